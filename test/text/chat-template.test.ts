import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SteerdError } from '../../src/errors.js';
import { loadChatTemplate } from '../../src/text/chat-template.js';
import { golden, modelDirectory } from './golden.js';
import { directoryWith } from './tiny-tokenizers.js';

const hello = [{ role: 'user', content: 'Hello' }];
const plain = { addGenerationPrompt: false };

test('the embedded template gives the golden prompts', async () => {
  const template = await loadChatTemplate(modelDirectory);
  assert.ok(template);
  assert.ok(golden.chat_template.length > 0);
  for (const { messages, text } of golden.chat_template) {
    assert.equal(template.render(messages, { addGenerationPrompt: true }), text);
    const closed = template.render(messages, plain);
    assert.ok(text.startsWith(closed) && closed.length < text.length);
  }
});

test('the file wins over the config; the config has one template or named ones; else null', async (t) => {
  const render = async (files: Record<string, unknown>) =>
    (await loadChatTemplate(await directoryWith(t, files)))?.render(hello, plain);
  const named = [
    { name: 'tool_use', template: 'tools' },
    { name: 'default', template: 'named' },
  ];
  const config = (chat_template: unknown) => ({ 'tokenizer_config.json': { chat_template } });
  assert.equal(await render({ 'chat_template.jinja': 'file', ...config('config') }), 'file');
  assert.equal(await render(config('config')), 'config');
  assert.equal(await render(config(named)), 'named');
  assert.equal(await render(config(named.slice(0, 1))), undefined);
  assert.equal(await render({ 'tokenizer_config.json': {} }), undefined);
  assert.equal(await render({}), undefined);
});

test('special tokens and variables reach the template', async (t) => {
  const template = await loadChatTemplate(
    await directoryWith(t, {
      'chat_template.jinja':
        '{{ bos_token }}{{ messages[0].content }}{{ eos_token }}{% if think %}<think>{% endif %}{% if tools is none %}!{% endif %}',
      'tokenizer_config.json': { bos_token: '<s>', eos_token: { content: '</s>' }, pad_token: null },
    }),
  );
  assert.ok(template);
  assert.equal(template.render(hello, plain), '<s>Hello</s>!');
  assert.equal(
    template.render(hello, { ...plain, variables: { think: true, tools: [] } }),
    '<s>Hello</s><think>',
  );
  assert.equal(template.render(hello, plain), '<s>Hello</s>!', 'nothing stays from the render before');
});

test('what the template refuses is an invalid value that says why', async (t) => {
  const template = await loadChatTemplate(
    await directoryWith(t, {
      'chat_template.jinja':
        "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}{{ m.content }}{% endfor %}",
    }),
  );
  assert.ok(template);
  assert.equal(template.render(hello, plain), 'Hello');
  assert.throws(
    () => template.render([{ role: 'system', content: 'x' }], plain),
    (error) =>
      error instanceof SteerdError &&
      error.code === 'invalid_value' &&
      error.status === 400 &&
      error.param === 'messages' &&
      error.message.includes('System role not supported'),
  );
});

test('a variable cannot take the place of the messages or of a name of the language', async () => {
  const template = await loadChatTemplate(modelDirectory);
  assert.ok(template);
  for (const name of ['messages', 'add_generation_prompt', 'raise_exception', 'true', 'range']) {
    assert.throws(
      () => template.render(hello, { ...plain, variables: { [name]: 1 } }),
      (error) =>
        error instanceof SteerdError && error.code === 'invalid_value' && error.message.includes(name),
    );
  }
});

test('a template that is not Jinja is refused at load by name', async (t) => {
  const directory = await directoryWith(t, { 'chat_template.jinja': '{% for %}' });
  await assert.rejects(loadChatTemplate(directory), /chat_template\.jinja/);
});

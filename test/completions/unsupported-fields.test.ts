/** Steering that nothing would read is refused, whatever it is called; what other servers have beside it is not. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withinTime } from '../../src/common/time-limit.js';
import { refuseUnsupported } from '../../src/completions/unsupported-fields.js';
import { SteerdError } from '../../src/errors.js';
import { chatFields } from '../../src/schemas/chat.js';
import { completionFields } from '../../src/schemas/completions.js';
import { responseFields } from '../../src/schemas/responses.js';

const requests = [chatFields, completionFields, responseFields].map(({ shape }) => Object.keys(shape));

function told(body: Record<string, unknown>, known: readonly string[]): string | null {
  try {
    refuseUnsupported(body, known);
    return null;
  } catch (error) {
    assert.ok(error instanceof SteerdError, String(error));
    assert.deepEqual([error.code, error.status], ['unknown_steering_field', 400]);
    assert.equal(error.param, Object.keys(body)[0]);
    return error.message;
  }
}

test('names made of the words of steering are refused, and the field that is meant is named', () => {
  for (const [body, meant] of [
    [{ steering_config: {} }, 'steering'],
    [{ steeringConfig: {} }, 'steering'],
    [{ 'X-Steering': 'pirate' }, 'steering'],
    [{ steer_vector_request: { scale: 2 } }, 'steering'],
    [{ steerng_config: {} }, 'steering'],
    [{ control_vectors: [] }, 'steering'],
    [{ controlVectorScaled: ['a:1'] }, 'steering'],
    [{ vector: 'pirate' }, 'concept'],
    [{ vectors: {} }, 'steering'],
    [{ features: [] }, 'steering'],
    [{ sae_features: [] }, 'steering'],
    [{ activation_additions: {} }, 'steering'],
    [{ interventions: [] }, 'steering'],
    [{ controller: {} }, 'steering'],
    [{ vector_name: 'pirate' }, 'concept'],
    [{ concept_id: 'pirate' }, 'concept'],
    [{ feature_ids: [1] }, 'concept'],
    [{ concepts: ['pirate'] }, 'concept'],
    [{ steering_strength: 1 }, 'strength'],
    [{ strength_multiplier: 4 }, 'strength'],
    [{ steering_scale: 2 }, 'strength'],
    [{ vector_coefficient: 2 }, 'strength'],
    [{ monitoring: ['ocean'] }, 'monitor'],
  ] as const) {
    for (const known of requests)
      assert.match(
        told(body, known) ?? 'accepted',
        new RegExp(`did you mean "${meant}"\\?`),
        JSON.stringify(body),
      );
  }
  for (const known of requests) {
    assert.match(told({ steering_layers: [3] }, known) ?? '', /inside steering: .*"layers"/);
    assert.match(told({ concept_positions: 'all' }, known) ?? '', /inside steering: .*"positions"/);
  }
});

test('a budget that stands beside steering belongs inside it, as a set', () => {
  for (const field of ['budget', 'steering_budget', 'steeringBudget', 'concept_budget'])
    for (const known of requests)
      assert.match(told({ [field]: 0.1 }, known) ?? '', /inside steering: .*"items": .*"budget"/, field);
  for (const known of requests) assert.equal(told({ thinking_budget: 100, token_budget: 3 }, known), null);
});

test('steering inside an object that nothing reads is refused', () => {
  for (const body of [
    { extra_body: { concept: 'pirate' } },
    { extra_body: { top_k: 3 } },
    { vllm_xargs: { steering_vector: 'x' } },
    { options: { temperature: 0, strength: 2 } },
    { parameters: { monitor: ['ocean'] } },
  ])
    for (const known of requests) assert.match(told(body, known) ?? '', /at the top level of the body/);
});

test('fields of OpenAI and other servers that have nothing to do with it are ignored as before', () => {
  const others = {
    service_tier: 'auto',
    safety_identifier: 'x',
    prompt_cache_key: 'x',
    reasoning_effort: 'low',
    reasoning: { effort: 'low' },
    verbosity: 'low',
    prediction: { type: 'content', content: 'x' },
    web_search_options: {},
    parallel_tool_calls: true,
    moderation: {},
    background: false,
    conversation: 'x',
    vector_store_ids: ['vs_1'],
    vectorStoreId: 'vs_1',
    priority: 1,
    request_id: 'x',
    cache_salt: 'x',
    truncate_prompt_tokens: 10,
    kv_transfer_params: { a: 1 },
    vllm_xargs: { a: 1 },
    mm_processor_kwargs: {},
    spaces_between_special_tokens: true,
    return_tokens_as_token_ids: true,
    mirostat_tau: 5,
    dry_base: 1.75,
    cache_prompt: true,
    id_slot: 0,
    samplers: [],
    custom_params: { x: 1 },
    options: { num_ctx: 4096 },
    keep_alive: '5m',
    think: false,
    transforms: [],
    route: 'fallback',
    provider: { order: [] },
    safe_prompt: true,
    feature_flags: ['x'],
    extra_body: {},
    factors: 1,
    future: 1,
    steering_config: null,
    ['v'.repeat(100_000)]: 1,
  };
  for (const known of requests) {
    for (const [field, value] of Object.entries(others)) {
      assert.equal(told({ [field]: value }, known), null, field);
    }
  }
});

test('what would change the answer and is not there is refused, unless it asks for nothing', () => {
  const rows: [field: string, idle: unknown, asking: unknown][] = [
    ['typical_p', 1, 0.5],
    ['tfs_z', 1, 0.9],
    ['mirostat', 0, 2],
    ['dry_multiplier', 0, 0.8],
    ['xtc_probability', 0, 0.1],
    ['dynatemp_range', 0, 0.5],
    ['length_penalty', 1, 2],
    ['no_repeat_ngram_size', 0, 3],
    ['penalty_alpha', 0, 0.6],
    ['guidance_scale', 1, 1.5],
    ['n_probs', 0, 1],
    ['do_sample', true, false],
    ['negative_prompt', '', 'x'],
    ['lora', [], [{ id: 0, scale: 1 }]],
    ['guided_whitespace_pattern', '', ' '],
    ['documents', [], [{ title: 'x' }]],
    ['use_beam_search', false, true],
  ];
  for (const known of requests) {
    for (const [field, idle, asking] of rows) {
      refuseUnsupported({ [field]: idle }, known);
      refuseUnsupported({ [field]: null }, known);
      assert.throws(
        () => refuseUnsupported({ [field]: asking }, known),
        { code: 'not_supported', param: field },
        field,
      );
    }
    refuseUnsupported({ repeat_last_n: 64 }, known);
    assert.throws(() => refuseUnsupported({ repeat_last_n: 64, repetition_penalty: 1.1 }, known), {
      code: 'not_supported',
    });
  }
});

test('however many fields nobody knows, they are looked at for a moment', () => {
  const many = (count: number, value: unknown) =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`zqxk_vbw_${i}`, value]));
  const look = (body: Record<string, unknown>) => withinTime(() => refuseUnsupported(body, ['prompt']), 5000);
  assert.ok(look({ prompt: 'a', ...many(200, 1) }));
  assert.throws(
    () => look({ prompt: 'a', ...many(80_000, 1) }),
    /at most 256 fields that this server does not know; received 80000/,
  );
  assert.ok(look(many(200, many(5000, 1))), 'inside of objects too');
});

/** A request as code that makes it: curl, and OpenAI's SDKs in TypeScript and Python. */
/** A request of the page. */
export interface ApiCall {
  readonly path: 'v1/chat/completions' | 'v1/steering/sweep';
  readonly body: object;
}

const isChat = ({ path }: ApiCall): boolean => path === 'v1/chat/completions';
/** As OpenAI's clients call it, whose base ends with `v1`. */
const pathOfClient = ({ path }: ApiCall): string => path.replace(/^v1/, '');

export const languages = ['curl', 'TypeScript', 'Python'] as const;
export type Language = (typeof languages)[number];

/**
 * @param server the server's URL, with a slash at the end
 * @param key whether the server asks for one
 */
export function asCode(language: Language, call: ApiCall, server: string, key: boolean): string {
  if (language === 'curl') return curl(call, server, key);
  return language === 'TypeScript' ? typescript(call, server, key) : python(call, server, key);
}

/** For a single-quoted string of a POSIX shell. */
const shellQuoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

function curl({ path, body }: ApiCall, server: string, key: boolean): string {
  return [
    `curl -s ${shellQuoted(`${server}${path}`)} \\`,
    ...(key ? [`  -H "authorization: Bearer $STEERD_API_KEY" \\`] : []),
    `  -H 'content-type: application/json' \\`,
    `  -d ${shellQuoted(JSON.stringify(body, null, 2))}`,
  ].join('\n');
}

/** The fields that OpenAI's clients do not know of. */
const own = ['steering', 'monitor'] as const;
const isOwn = (field: string): boolean => own.some((one) => one === field);

function typescript(call: ApiCall, server: string, key: boolean): string {
  const literal = objectLiteral(call.body);
  const steers = own.some((field) => field in call.body);
  return [
    "import OpenAI from 'openai';",
    '',
    `const client = new OpenAI({ baseURL: ${JSON.stringify(`${server}v1`)}, apiKey: ${key ? 'process.env.STEERD_API_KEY' : "'none'"} });`,
    '',
    ...(isChat(call)
      ? [
          `const reply = await client.chat.completions.create(${literal}${steers ? ' as OpenAI.ChatCompletionCreateParamsNonStreaming' : ''});`,
          'for (const { message } of reply.choices) console.log(message.content);',
        ]
      : [
          `const reply = await client.post(${JSON.stringify(pathOfClient(call))}, { body: ${literal} });`,
          'console.log(JSON.stringify(reply, null, 2));',
        ]),
  ].join('\n');
}

/** JSON with keys as TypeScript writes them. */
const objectLiteral = (value: unknown): string =>
  JSON.stringify(value, null, 2).replace(/^(\s*)"([A-Za-z_]\w*)":/gm, '$1$2:');

function python(call: ApiCall, server: string, key: boolean): string {
  const fields = Object.entries(call.body);
  const known = fields
    .filter(([name]) => !isOwn(name))
    .map(([name, value]) => `    ${name}=${pythonLiteral(value, 4)},`);
  const extra = fields.filter(([name]) => isOwn(name));
  return [
    ...(key ? ['import os', ''] : []),
    'from openai import OpenAI',
    '',
    `client = OpenAI(base_url=${JSON.stringify(`${server}v1`)}, api_key=${key ? 'os.environ["STEERD_API_KEY"]' : '"none"'})`,
    '',
    ...(isChat(call)
      ? [
          'reply = client.chat.completions.create(',
          ...known,
          ...(extra.length === 0 ? [] : [`    extra_body=${pythonLiteral(Object.fromEntries(extra), 4)},`]),
          ')',
          'for choice in reply.choices:',
          '    print(choice.message.content)',
        ]
      : [
          'reply = client.post(',
          `    ${JSON.stringify(pathOfClient(call))},`,
          '    cast_to=object,',
          `    body=${pythonLiteral(call.body, 4)},`,
          ')',
          'print(reply)',
        ]),
  ].join('\n');
}

/** A value of JSON in Python; `indent` is where the line that it begins in begins. */
export function pythonLiteral(value: unknown, indent: number): string {
  if (value === null) return 'None';
  if (value === true) return 'True';
  if (value === false) return 'False';
  if (typeof value !== 'object') return JSON.stringify(value);
  const list = Array.isArray(value);
  const inside = ' '.repeat(indent + 4);
  const parts = list
    ? value.map((one) => pythonLiteral(one, indent + 4))
    : Object.entries(value as object).map(
        ([key, one]) => `${JSON.stringify(key)}: ${pythonLiteral(one, indent + 4)}`,
      );
  const [open, close] = list ? '[]' : '{}';
  const short = parts.join(', ');
  if (short.length + indent < 70 && !short.includes('\n')) return `${open}${short}${close}`;
  return `${open}\n${parts.map((part) => `${inside}${part},\n`).join('')}${' '.repeat(indent)}${close}`;
}

/** Sample calls of an operation for the API's pages, with curl and with OpenAI's SDK (`x-codeSamples`, Redocly). */
interface CodeSample {
  readonly lang: string;
  readonly label: string;
  readonly source: string;
}

const curl = (path: string, body: object): CodeSample => ({
  lang: 'Shell',
  label: 'curl',
  source: `curl -s http://127.0.0.1:8080${path} -H 'content-type: application/json' -d '${JSON.stringify(body)}'`,
});

/** @param method of the client; fields it does not know of go through as they are */
const sdk = (method: string, body: object): CodeSample => ({
  lang: 'JavaScript',
  label: 'openai',
  source: [
    "import OpenAI from 'openai';",
    '',
    "const client = new OpenAI({ baseURL: 'http://127.0.0.1:8080/v1', apiKey: 'none' });",
    `const reply = await client.${method}(${JSON.stringify(body, null, 2)});`,
  ].join('\n'),
});

/** To be spread into a route's schema. */
export const codeSamples = (path: string, method: string, body: object) => ({
  'x-codeSamples': [curl(path, body), sdk(method, { model: 'smollm2-135m-instruct', ...body })],
});

/**
 * The architecture: what stands on what. A room is a folder of src/, or a file that lies in src/ itself; it may import
 * from lines below its own, and from nothing beside it or above it. `npm run structure` and structure.test.ts read it.
 */
export const layers: readonly (readonly string[])[] = [
  ['cli'], // the `steerd` command
  ['commands'], // its subcommands
  ['playground'], // the page at `/`: runs in browsers, knows the server by its API alone
  ['routes', 'plugins'], // HTTP: parse, call one function of src/, shape the reply
  ['server'], // the application: services, OpenAPI, one server's life
  ['benchmark'], // many concepts fitted, asked and judged, by the API alone
  ['completions', 'fitting'], // from a request to a reply; making concepts and measuring them
  ['steering'], // from what a request asks for to an activation edit
  ['concepts', 'access', 'telemetry', 'http'], // concepts as values and files; API keys; metrics; streams and errors
  ['models'], // models on the disk, in memory, and on their way from a hub
  ['schemas', 'jobs'], // the API's types, each one zod schema; jobs in memory, in a directory, in a database
  ['text', 'hub', 'database'], // token ids from text and back; Hugging Face-compatible hubs; PostgreSQL
  ['config'], // settings
  ['engine', 'json-grammar'], // token ids in, token ids out; JSON schemas as grammars
  ['ort'], // ONNX Runtime's C API
  ['build'], // from a checkpoint to a graph and its weights
  ['checkpoint'], // safetensors and GGUF as people have them on disk
  ['onnx'], // graphs as files
  ['tables'], // rows of CSV and JSON lines; runs in browsers too
  ['common'], // what everybody may use
  ['errors'],
];

/**
 * Rooms that others may neither import from nor give values to: of the named rooms they import types, which are gone once compiled,
 * and of all others nothing.
 */
export const typesOnly: Readonly<Record<string, readonly string[]>> = { playground: ['schemas'] };

/** Rooms of which such a room may have values too: they stand on nothing of this server. */
export const valuesToo: Readonly<Record<string, readonly string[]>> = { playground: ['tables'] };

/** The same inside the rooms that have rooms of their own. `.` stands for the files beside those. */
export const innerLayers: Readonly<Record<string, readonly (readonly string[])[]>> = {
  benchmark: [['report'], ['.'], ['names']],
  engine: [['client'], ['worker'], ['load'], ['run'], ['kv', 'schedule'], ['grammar', 'sampling'], ['.']],
  fitting: [
    ['.'],
    ['measure'],
    ['recipes'],
    ['contrast'],
    ['methods', 'statements', 'answers'],
    ['linear-algebra'],
  ],
  build: [['.'], ['families'], ['description']],
  models: [['pull', 'serve'], ['import'], ['disk'], ['.']],
  playground: [
    ['.'],
    ['shell'],
    ['views'],
    ['chat', 'make', 'sweep', 'server'],
    ['library'],
    ['parts'],
    ['state'],
    ['api'],
  ],
  onnx: [['graft'], ['rewrite'], ['find'], ['graph'], ['schema']],
};

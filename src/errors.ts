/**
 * The catalogue of errors that users can meet: code, HTTP status, OpenAI error type and message. A message names the
 * field, the limit and the value received. The code in `src/` throws these errors; the HTTP layer only puts them into a
 * body (`{"error": {"message", "type", "param", "code"}}`, OpenAI API reference, "Errors").
 */

export type ErrorType =
  | 'invalid_request_error'
  | 'authentication_error'
  | 'permission_error'
  | 'not_found_error'
  | 'conflict_error'
  | 'rate_limit_error'
  | 'server_error'
  | 'service_unavailable_error';

/** An error that is reported to the client. Its code is stable, so that clients can branch on it. */
export class SteerdError extends Error {
  override readonly name = 'SteerdError';
  constructor(
    readonly code: string,
    readonly status: number,
    readonly type: ErrorType,
    message: string,
    /** The request field at fault, or null. */
    readonly param: string | null = null,
    /** For 429 and 503: after how many seconds to try again, where that helps. */
    readonly retryAfterSeconds: number | null = null,
  ) {
    super(message);
  }

  /** The same error, told otherwise. */
  inWords(message: string, param = this.param): SteerdError {
    return new SteerdError(this.code, this.status, this.type, message, param, this.retryAfterSeconds);
  }
}

const atLayer = (layer: number | null) => (layer === null ? '' : `, at layer ${layer} first`);

/** Steering drove the activations out of the range of their numbers. Whoever knows what was asked for says so. */
export class SteeringTooStrong extends SteerdError {
  constructor(
    readonly layer: number | null,
    asked: readonly string[],
  ) {
    super(
      'steering_too_strong',
      400,
      'invalid_request_error',
      `steering must leave the model's numbers finite; received ${asked.join(' and ') || 'an edit'}, under which they overflowed${atLayer(layer)}. Lower the strength.`,
      'steering',
    );
  }
}

/** A received value as it is shown in a message: strings in quotes, at most 80 characters. */
export function shown(value: unknown): string {
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value);
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

/** A path as it is shown: of a long one the end, which tells the file. */
const shownPath = (path: string): string => JSON.stringify(path.length > 78 ? `...${path.slice(-75)}` : path);

/** A list of names for a message: the first twenty. */
const some = (names: readonly string[]) =>
  `${names.slice(0, 20).join(', ') || 'none'}${names.length > 20 ? ', ...' : ''}`;

const invalid = (code: string, message: string, param: string | null) =>
  new SteerdError(code, 400, 'invalid_request_error', message, param);

export const errors = {
  /** @param sentence names the field, the requirement and the value received */
  invalidRequest: (sentence: string, param: string | null) => invalid('invalid_value', sentence, param),
  notSupported: (param: string, instead: string) =>
    invalid('not_supported', `${param} is not supported yet; ${instead}.`, param),
  unknownSteeringField: (field: string, hint: string) =>
    invalid('unknown_steering_field', `there is no field ${shown(field)}; ${hint}`, field.slice(0, 80)),
  chatTemplateMissing: (param: string, model: string) =>
    invalid('chat_template_missing', `model ${model} has no chat template; use POST /v1/completions.`, param),
  nothingToContinue: () =>
    invalid(
      'invalid_value',
      "continue_final_message needs a last message of the assistant with text, which the model's chat template keeps.",
      'continue_final_message',
    ),
  clientGone: () =>
    new SteerdError('client_gone', 499, 'invalid_request_error', 'the client closed the connection.'),
  promptTooLong: (param: string, characters: number, limit: number, capacity: number) =>
    invalid(
      'context_length_exceeded',
      `${param} has ${characters} characters; this model's maximum context length is ${capacity} tokens, so at most ${limit} characters are read.`,
      param,
    ),
  tooManyMessages: (param: string, messages: number, capacity: number) =>
    invalid(
      'context_length_exceeded',
      `${param} is a list of ${messages}; this model's maximum context length is ${capacity} tokens, and each message takes at least one.`,
      param,
    ),
  bodyTooLarge: (limit: number) =>
    new SteerdError(
      'body_too_large',
      413,
      'invalid_request_error',
      `the request body must be at most ${limit} bytes.`,
    ),
  requestTooSlow: (seconds: number) =>
    new SteerdError(
      'request_timeout',
      408,
      'invalid_request_error',
      `the request did not come within ${seconds} s (STEERD_BODY_SECONDS); send it faster or in smaller parts.`,
    ),
  headersTooLarge: () =>
    new SteerdError('headers_too_large', 431, 'invalid_request_error', 'the headers must be at most 16 KiB.'),
  notOneHost: () => invalid('malformed_request', 'the request must have one Host header.', null),
  unknownExpectation: (expect: string) =>
    new SteerdError(
      'unknown_expectation',
      417,
      'invalid_request_error',
      `the Expect header must be 100-continue or left out; received ${shown(expect)}.`,
    ),
  notHttp: () => invalid('malformed_request', 'this is no HTTP/1.1 request.', null),
  badUrl: (path: string) =>
    invalid('bad_url', `the path must be percent-encoded UTF-8; received ${shown(path)}.`, null),
  pathTooLong: (path: string, limit: number) =>
    new SteerdError(
      'path_too_long',
      414,
      'invalid_request_error',
      `each part of the path must be at most ${limit} characters long; received ${shown(path)}.`,
    ),
  bodyEncoded: (encoding: string) =>
    new SteerdError(
      'unsupported_content_encoding',
      415,
      'invalid_request_error',
      `the content-encoding must be left out, since bodies are read as they come; received ${shown(encoding)}.`,
    ),
  bodyNotJson: (contentType: string | undefined) =>
    new SteerdError(
      'unsupported_media_type',
      415,
      'invalid_request_error',
      `the content-type must be application/json; received ${contentType === undefined ? 'none' : shown(contentType)}.`,
    ),
  uploadsOff: () =>
    new SteerdError(
      'uploads_off',
      403,
      'permission_error',
      'this server takes no uploads (STEERD_UPLOAD_LIMIT is 0); put the checkpoint under a models directory of the server and import it by its path.',
    ),
  uploadTooLarge: (limit: number) =>
    new SteerdError(
      'upload_too_large',
      413,
      'invalid_request_error',
      `an upload must be at most ${limit} bytes (STEERD_UPLOAD_LIMIT); put a larger checkpoint under a models directory of the server and import it by its path.`,
    ),
  uploadTooSlow: (bytes: number, rate: number, seconds: number) =>
    new SteerdError(
      'request_timeout',
      408,
      'invalid_request_error',
      `an upload must bring at least ${rate} bytes a second, over each ${seconds} s (STEERD_BODY_SECONDS); received ${bytes} bytes in the last.`,
    ),
  uploadsBusy: (limit: number) =>
    new SteerdError(
      'uploads_busy',
      429,
      'rate_limit_error',
      `${limit} uploads are under way (limit ${limit}); try again when one of them has ended.`,
      null,
      60,
    ),
  /** @param reason a sentence about "it", the body */
  uploadInvalid: (reason: string) =>
    invalid('upload_invalid', `the body cannot be taken for a checkpoint: ${reason}.`, null),
  malformedJson: (reason: string) =>
    invalid('malformed_json', `the request body is not valid JSON: ${reason}.`, null),
  jsonTooDeep: (limit: number) =>
    invalid(
      'json_too_deep',
      `the request body is nested deeper than ${limit} levels (limit ${limit}).`,
      null,
    ),
  deadlineExceeded: (seconds: number) =>
    new SteerdError(
      'deadline_exceeded',
      504,
      'server_error',
      `the answer was not complete within the ${seconds} s that a request may take (STEERD_REQUEST_SECONDS); ask for less at once.`,
    ),
  /** Whoever waits for a job is told that it goes on: to ask for another would make it twice. */
  jobOutlastsRequest: (path: string, reason: SteerdError) =>
    new SteerdError(
      reason.code,
      reason.status,
      reason.type,
      `the job was not done within the time that a request may take (STEERD_REQUEST_SECONDS), and goes on: GET ${path}?wait=true waits for it again.`,
    ),
  routeNotFound: (method: string, path: string) =>
    new SteerdError(
      'route_not_found',
      404,
      'not_found_error',
      `${method} ${shown(path)} does not exist; GET /docs lists what does.`,
    ),
  stopping: () =>
    new SteerdError(
      'server_stopping',
      503,
      'service_unavailable_error',
      'the server is stopping; try again.',
      null,
      2,
    ),
  /** What is known already is still answered; what has to be written or looked up there is not. */
  databaseUnavailable: (what = 'this request') =>
    new SteerdError(
      'database_unavailable',
      503,
      'service_unavailable_error',
      `${what} needs the database (DATABASE_URL), which cannot be reached just now. Completions with known concepts go on; try this again.`,
      null,
      2,
    ),
  internal: (requestId: string) =>
    new SteerdError(
      'internal_error',
      500,
      'server_error',
      `the server failed on this request; its log says why under request id ${requestId}.`,
    ),
  invalidValue: (param: string, requirement: string, received: unknown) =>
    invalid('invalid_value', `${param} must be ${requirement}; received ${shown(received)}.`, param),
  promptEmpty: (param: string) =>
    invalid('prompt_empty', `${param} is empty: at least one token is needed.`, param),
  /** @param lengthField the request's field that bounds the answer */
  contextLengthExceeded: (
    param: string,
    prompt: number,
    answer: number,
    limit: number,
    lengthField = 'max_tokens',
  ) =>
    invalid(
      'context_length_exceeded',
      // Clients look for the words "maximum context length is N tokens".
      `${param} has ${prompt} tokens${answer > 0 ? ` and ${answer} more ${answer === 1 ? 'is' : 'are'} asked for` : ''}, but this model's maximum context length is ${limit} tokens; shorten the prompt${answer > 1 ? ` or lower ${lengthField}` : ''}. If the model was made for more, the server's STEERD_CONTEXT (--context, or context in the steerd.json of its folder) sets how much it serves.`,
      param,
    ),
  previousResponseNotFound: (id: string) =>
    invalid(
      'previous_response_not_found',
      `previous_response_id must be that of a response that is stored; received ${shown(id)}. The oldest give way, and store: false keeps none: send the whole conversation as input.`,
      'previous_response_id',
    ),
  itemNotFound: (id: string, param: string) =>
    new SteerdError(
      'item_not_found',
      404,
      'not_found_error',
      `${param} must be that of an item of a response that is stored; received ${shown(id)}. The oldest give way, and store: false keeps none: send the item itself.`,
      param,
    ),
  responseNotFound: (id: string) =>
    new SteerdError(
      'response_not_found',
      404,
      'not_found_error',
      `response ${shown(id)} does not exist, or is no longer stored.`,
      'response_id',
    ),
  tokenOutOfRange: (param: string, token: number, vocabulary: number) =>
    invalid(
      'token_out_of_range',
      `${param} holds token id ${token}; ids run from 0 to ${vocabulary - 1}.`,
      param,
    ),
  modelNotFound: (model: string, known: readonly string[]) =>
    new SteerdError(
      'model_not_found',
      404,
      'not_found_error',
      `model ${shown(model)} does not exist; this server has: ${known.join(', ') || 'none'}.`,
      'model',
    ),
  /** A balancer tries another server; nothing was done. */
  modelElsewhere: (model: string) =>
    new SteerdError(
      'model_elsewhere',
      503,
      'service_unavailable_error',
      `model ${shown(model)} is not on this server, but on another that shares its database; a balancer that passes 503 on finds it.`,
      'model',
      1,
    ),
  /** @param elsewhere other models that have a concept of that name */
  conceptNotFound: (
    name: string,
    model: string,
    known: readonly string[],
    param = 'concept',
    elsewhere: readonly string[] = [],
  ) =>
    new SteerdError(
      'concept_not_found',
      404,
      'not_found_error',
      elsewhere.length > 0
        ? `concept ${shown(name)} does not exist for model ${model}, but for ${some(elsewhere)}: a concept belongs to the model it was fitted on; ask for that model or fit it for this one. ${model} has: ${some(known)}.`
        : `concept ${shown(name)} does not exist for model ${model}; it has: ${some(known)}.`,
      param,
    ),
  /** @param progress how far its fit is, in words */
  conceptBeingFitted: (name: string, model: string, fit: string, progress: string, param = 'concept') =>
    new SteerdError(
      'concept_being_fitted',
      409,
      'conflict_error',
      `concept ${shown(name)} is being fitted for model ${model}: ${progress}. GET /v1/fits/${fit}?wait=true answers when it is done.`,
      param,
    ),
  attentionNotFound: (name: string, reason: string) =>
    new SteerdError(
      'attention_not_found',
      404,
      'not_found_error',
      `concept ${shown(name)} has no attention map: ${reason}; fit it with recipe "attention" and no token to have one.`,
      'name',
    ),
  /** @param known the versions that are kept, newest first */
  conceptVersionNotFound: (
    name: string,
    model: string,
    version: string,
    known: readonly string[],
    param = 'concept',
  ) =>
    new SteerdError(
      'concept_version_not_found',
      404,
      'not_found_error',
      `concept ${shown(name)} of model ${model} has no one version that begins with ${shown(version)}; kept are: ${some([...new Set(known)].map((one) => one.slice(0, 12)))}.`,
      param,
    ),
  conceptExists: (name: string, model: string) =>
    new SteerdError(
      'concept_exists',
      409,
      'conflict_error',
      `model ${model} has a concept ${shown(name)} already: nothing is replaced; delete or rename that one first.`,
      'name',
    ),
  conceptNotKept: (name: string, model: string) =>
    new SteerdError(
      'concept_not_kept',
      404,
      'not_found_error',
      `no deleted concept ${shown(name)} of model ${model} is kept: the last ones are.`,
      'name',
    ),
  conceptReadOnly: (name: string) =>
    new SteerdError(
      'concept_read_only',
      403,
      'invalid_request_error',
      `concept ${shown(name)} ships with the model and can be neither deleted nor renamed.`,
      'name',
    ),
  conceptQuotaExceeded: (name: string, now: string, limit: string) =>
    new SteerdError(
      'concept_quota_exceeded',
      507,
      'invalid_request_error',
      `concept ${shown(name)} is not kept: ${now} (limit: ${limit}); delete one first.`,
      'name',
    ),
  conceptChanged: (name: string) =>
    new SteerdError(
      'concept_changed',
      409,
      'conflict_error',
      `concept ${shown(name)} was replaced or deleted meanwhile; what was measured of the old one is dropped. Try again.`,
      'name',
    ),
  storageFailed: (what: string, reason: string, full: boolean) =>
    new SteerdError(
      'storage_failed',
      full ? 507 : 500,
      'server_error',
      `${what} failed: ${reason}; nothing was changed. Check the free space and the permissions of the data directory (STEERD_DATA_DIR).`,
    ),
  conceptMismatch: (name: string, reason: string, param = 'concept') =>
    invalid('concept_mismatch', `concept ${shown(name)} cannot steer this request: ${reason}.`, param),
  /** A file or body whose vectors cannot be read. */
  vectorsInvalid: (format: string, reason: string) =>
    invalid('vectors_invalid', `the ${format} vectors cannot be read: ${reason}.`, 'vectors'),
  /** @param kind completes "the body is ..." */
  vectorsOfNoType: (contentType: string | undefined, kind: string | null) =>
    new SteerdError(
      'unsupported_media_type',
      415,
      'invalid_request_error',
      `the body must be the bytes of a safetensors file, of a GGUF control vector or of JSON, with nothing around them (curl --data-binary @FILE); received content-type ${shown(contentType ?? 'none')}${kind === null ? '' : `, and the body is ${kind}`}.`,
      'vectors',
    ),
  vectorsMismatch: (model: string, reason: string) =>
    invalid('vectors_mismatch', `the vectors do not fit model ${model}: ${reason}.`, 'vectors'),
  fitImpossible: (reason: string, param: string | null = null) =>
    invalid('fit_impossible', `the fit is not possible: ${reason}.`, param),
  fitFinished: (id: string, status: string) =>
    new SteerdError(
      'fit_finished',
      409,
      'conflict_error',
      `fit ${shown(id)} has ${status} already and cannot be cancelled.`,
      'id',
    ),
  fitNotFound: (id: string) =>
    new SteerdError('fit_not_found', 404, 'not_found_error', `fit ${shown(id)} does not exist.`, 'id'),
  benchmarkNotFound: (id: string) =>
    new SteerdError(
      'benchmark_not_found',
      404,
      'not_found_error',
      `there is no run ${shown(id)} of the benchmark.`,
      'id',
    ),
  benchmarkRunning: (id: string) =>
    new SteerdError(
      'benchmark_running',
      409,
      'conflict_error',
      `the run ${shown(id)} is being worked on; cancel it first, or wait for its end.`,
      'id',
    ),
  benchmarkNoJob: (id: string) =>
    new SteerdError(
      'benchmark_no_job',
      409,
      'conflict_error',
      `the run ${shown(id)} was begun by the command, and is stopped where that runs.`,
      'id',
    ),
  benchmarkFailed: (reason: string) =>
    new SteerdError(
      'benchmark_failed',
      500,
      'server_error',
      `the run stopped: ${reason}. What it has finished is kept, and the same request goes on with it.`,
    ),
  jobNotFound: (kind: 'calibration' | 'sweep' | 'benchmark', id: string) =>
    new SteerdError('job_not_found', 404, 'not_found_error', `${kind} ${shown(id)} does not exist.`, 'id'),
  jobFinished: (kind: 'calibration' | 'sweep' | 'benchmark', id: string, status: string) =>
    new SteerdError(
      'job_finished',
      409,
      'conflict_error',
      `${kind} ${shown(id)} has ${status} already and cannot be cancelled.`,
      'id',
    ),
  constraintRefused: (param: string, reason: string) =>
    invalid('constraint_refused', `${param} cannot constrain an answer: ${reason}.`, param),
  /** The grammar let something through: the answer is not passed off as what was asked for. */
  constraintBroken: (model: string, field: string) =>
    new SteerdError(
      'constraint_broken',
      500,
      'server_error',
      `the answer of model ${model} does not fit ${field}, to which it should have been held; this is a fault of the server.`,
      field,
    ),
  /** What a job ends with whose every attempt was cut off: by a process that was killed, perhaps by this very job. */
  workerLost: (times: number) =>
    new SteerdError(
      'worker_lost',
      500,
      'server_error',
      `the process that worked on it ended ${times} times before the job did; the log of those processes may say why.`,
    ),
  queueFull: (limit: number, retryAfterSeconds: number) =>
    new SteerdError(
      'queue_full',
      429,
      'rate_limit_error',
      `the queue is full: ${limit} requests are waiting (limit ${limit}); try again in ${retryAfterSeconds} s.`,
      null,
      retryAfterSeconds,
    ),
  judgeFailed: (address: string, reason: string) =>
    new SteerdError(
      'judge_failed',
      502,
      'server_error',
      `the judge at ${address} gave no answer: ${reason}.`,
    ),
  measurementsFull: (limit: number, retryAfterSeconds: number) =>
    new SteerdError(
      'measurements_full',
      429,
      'rate_limit_error',
      `${limit} sweeps and calibrations are running (limit ${limit}); try again in ${retryAfterSeconds} s.`,
      null,
      retryAfterSeconds,
    ),
  apiKeyMissing: () =>
    new SteerdError(
      'invalid_api_key',
      401,
      'authentication_error',
      'an API key is needed: send it as "Authorization: Bearer <key>" (or as x-api-key).',
    ),
  apiKeyWrong: () =>
    new SteerdError(
      'invalid_api_key',
      401,
      'authentication_error',
      'the API key is not one of this server: it is mistyped or was revoked.',
    ),
  apiKeyExpired: (key: string, expired: number) =>
    new SteerdError(
      'invalid_api_key',
      401,
      'authentication_error',
      `the API key ${key} expired at ${new Date(expired * 1000).toISOString()}; ask for a new one.`,
    ),
  keysUnreadable: () =>
    new SteerdError(
      'keys_unreadable',
      503,
      'service_unavailable_error',
      "the server's keys file cannot be read, so nobody is let in; the server's log says why.",
      null,
      5,
    ),
  firstKey: () =>
    new SteerdError(
      'no_keys_yet',
      409,
      'conflict_error',
      'this server needs no keys, and its first is made on its own machine: steerd keys add NAME --scopes admin.',
    ),
  keyNotFound: (id: string) =>
    new SteerdError(
      'key_not_found',
      404,
      'not_found_error',
      `key ${shown(id)} is not in the keys file.`,
      'id',
    ),
  ownKey: (id: string) =>
    new SteerdError(
      'key_in_use',
      409,
      'conflict_error',
      `${id} is the key of this request; revoke it with another, or on the server's machine: steerd keys revoke ${id}.`,
      'id',
    ),
  hostNotAllowed: (host: string) =>
    new SteerdError(
      'host_not_allowed',
      403,
      'permission_error',
      `this server asks for no API keys, so it answers only under names of this machine; received Host ${shown(host)}. STEERD_ALLOWED_HOSTS (--allowed-hosts) names others, or make a key with "steerd keys add".`,
    ),
  scopeTooSmall: (key: string, needed: string, granted: readonly string[]) =>
    new SteerdError(
      'insufficient_scope',
      403,
      'permission_error',
      needed === 'admin'
        ? `this needs an API key with scope admin; ${key} has ${granted.join(', ')}.`
        : `this needs an API key with scope ${needed} (or admin); ${key} has ${granted.join(', ')}.`,
    ),
  /** @param origin undefined where the browser says only that the page is of another site */
  originNotAllowed: (origin: string | undefined, allowed: readonly string[]) =>
    new SteerdError(
      'origin_not_allowed',
      403,
      'permission_error',
      `pages of ${origin === undefined ? 'another site' : `origin ${shown(origin)}`} may not call this server; STEERD_CORS_ORIGINS (--cors-origins) lists those that may: ${some(allowed)}.`,
    ),
  conceptNotAllowed: (name: string, allowed: readonly string[], param: string) =>
    new SteerdError(
      'concept_not_allowed',
      403,
      'permission_error',
      `this API key may not use concept ${shown(name)}; it may use: ${allowed.slice(0, 20).join(', ') || 'none'}${allowed.length > 20 ? ', ...' : ''}.`,
      param,
    ),
  inlineVectorsNotAllowed: (param: string, reason: string) =>
    new SteerdError(
      'inline_vectors_not_allowed',
      403,
      'permission_error',
      `${param} must be left out: this API key ${reason}; steer by a concept.`,
      param,
    ),
  /** @param what needs them, as the request says it */
  conceptNotMeasured: (name: string, what: string, instead: string, param: string) =>
    invalid(
      'concept_not_measured',
      `${what} needs to know where neutral answers lie on concept ${shown(name)}, which was not measured: POST /v1/concepts/${encodeURIComponent(name)}/calibrate measures it; or say ${instead}.`,
      param,
    ),
  strengthAboveCap: (param: string, cap: number, received: string) =>
    new SteerdError(
      'strength_above_cap',
      403,
      'permission_error',
      `${param} must not exceed this API key's cap of ${cap} (calibrated); received ${received}.`,
      param,
    ),
  rateLimited: (what: 'requests' | 'tokens', perMinute: number, waitSeconds: number) =>
    new SteerdError(
      'rate_limit_exceeded',
      429,
      'rate_limit_error',
      `this API key may use ${perMinute} ${what} a minute; try again in ${Math.max(1, Math.ceil(waitSeconds))} s.`,
      null,
      Math.max(1, Math.ceil(waitSeconds)),
    ),
  tooManyStreams: (limit: number) =>
    new SteerdError(
      'rate_limit_exceeded',
      429,
      'rate_limit_error',
      `this API key may run ${limit} completions at once, and they are running; try again in 1 s.`,
      null,
      1,
    ),
  modelUnavailable: (model: string, reason: string, retryAfterSeconds = 2) =>
    new SteerdError(
      'model_unavailable',
      503,
      'service_unavailable_error',
      `model ${model} is not available: ${reason}.`,
      'model',
      retryAfterSeconds,
    ),
  /** Without Retry-After: waiting would not help. */
  modelTooLarge: (model: string, needs: string, room: string) =>
    new SteerdError(
      'model_too_large',
      503,
      'service_unavailable_error',
      `model ${model} needs ${needs}, and ${room}; lower slots or context (in the steerd.json of its folder), unpin a model, or raise STEERD_MEMORY.`,
      'model',
    ),
  modelInUse: (model: string, uses: number) =>
    new SteerdError(
      'model_in_use',
      409,
      'conflict_error',
      `model ${model} has ${uses} ${uses === 1 ? 'use' : 'uses'} under way and is not unloaded; wait for them, or send {"force": true} to cut them off.`,
      'id',
    ),
  hubModelNotFound: (repository: string, revision: string, endpoint: string, file?: string) =>
    new SteerdError(
      'hub_model_not_found',
      404,
      'not_found_error',
      `${endpoint} has no ${file === undefined ? '' : `file ${shown(file)} in `}model ${shown(repository)} at revision ${shown(revision)}, or it is private and HF_TOKEN does not open it.`,
      'model',
    ),
  hubAccessDenied: (
    repository: string,
    endpoint: string,
    { status, gated, token }: { status: number; gated: boolean; token: boolean },
  ) =>
    new SteerdError(
      'hub_access_denied',
      403,
      'permission_error',
      `${endpoint} does not give model ${shown(repository)} out (${status}): ${
        gated ? 'it is gated: accept its terms on its page there, and then ' : ''
      }${token ? 'HF_TOKEN must be a token that may read it; the one given may not' : 'set HF_TOKEN to a token that may read it'}.`,
      'model',
    ),
  hubFailed: (what: string, reason: string) =>
    new SteerdError(
      'hub_failed',
      502,
      'server_error',
      `${what} cannot be had from the hub: ${reason}.`,
      'model',
    ),
  hubWrongBytes: (file: string, expected: string, received: string) =>
    new SteerdError(
      'hub_wrong_bytes',
      502,
      'server_error',
      `what the hub sent for ${shown(file)} is not that file: ${expected} was promised, ${received} came. It was thrown away.`,
      'model',
    ),
  /** @param found lists what the repository has instead */
  nothingToPull: (repository: string, wanted: string, found: string, param: string) =>
    invalid('nothing_to_pull', `model ${shown(repository)} has no ${wanted}; it has ${found}.`, param),
  pullUnsupported: (repository: string, file: string, reason: string) =>
    invalid(
      'model_unsupported',
      `${file} of model ${shown(repository)} cannot be served: ${reason}.`,
      'model',
    ),
  /** A checkpoint's file that is damaged, cut off or not what its name says. */
  checkpointInvalid: (file: string, reason: string) =>
    invalid('checkpoint_invalid', `${shownPath(file)} cannot be read as a checkpoint: ${reason}.`, 'path'),
  /** A checkpoint that is sound, of a kind for which no graph can be built. */
  checkpointUnsupported: (file: string, reason: string) =>
    invalid('model_unsupported', `no model can be built from ${shownPath(file)}: ${reason}.`, 'path'),
  modelExists: (name: string, what: string) =>
    new SteerdError(
      'model_exists',
      409,
      'conflict_error',
      `there is a model ${shown(name)} already, ${what}; pull under another name or remove it first.`,
      'name',
    ),
  modelNotPulled: (name: string) =>
    new SteerdError(
      'model_not_pulled',
      409,
      'conflict_error',
      `model ${shown(name)} was not pulled, so nothing can bring it back; to remove it all the same say --force.`,
      'name',
    ),
  pullRunning: (name: string, who: string) =>
    new SteerdError(
      'pull_running',
      409,
      'conflict_error',
      `model ${shown(name)} is being pulled by ${who}; wait for it or cancel it.`,
      'model',
    ),
  pullNotFound: (id: string) =>
    new SteerdError('pull_not_found', 404, 'not_found_error', `pull ${shown(id)} does not exist.`, 'id'),
  importNotFound: (id: string) =>
    new SteerdError('import_not_found', 404, 'not_found_error', `import ${shown(id)} does not exist.`, 'id'),
  importFinished: (id: string, status: string) =>
    new SteerdError(
      'import_finished',
      409,
      'conflict_error',
      `import ${shown(id)} has ${status} already and cannot be cancelled.`,
      'id',
    ),
  pullFinished: (id: string, status: string) =>
    new SteerdError(
      'pull_finished',
      409,
      'conflict_error',
      `pull ${shown(id)} has ${status} already and cannot be cancelled.`,
      'id',
    ),
  /** @param needed null when the disk filled up during the download */
  spaceMissing: (folder: string, needed: string | null, free: string) =>
    new SteerdError(
      'storage_failed',
      507,
      'server_error',
      `${needed === null ? `the disk under ${folder} filled up (${free} free)` : `${folder} has ${free} free, and ${needed} more are needed`}. Make room and try again (a pull goes on with what came), or set STEERD_MODELS_DIR (--models-dir) to a folder on a larger disk.`,
    ),
  modelsFolderUnusable: (folder: string, reason: string) =>
    new SteerdError(
      'storage_failed',
      500,
      'server_error',
      `${folder} cannot be written: ${reason}. Set STEERD_MODELS_DIR (--models-dir) to a folder of yours; "steerd serve" reads the same setting.`,
    ),
  /** @param asked what steered, item by item; left out where only the engine knows */
  steeringTooStrong: (layer: number | null, asked: readonly string[] = []) =>
    new SteeringTooStrong(layer, asked),
  numbersBroke: (model: string, layer: number | null) =>
    new SteerdError(
      'numbers_broke',
      500,
      'server_error',
      `the numbers of model ${model} overflowed${atLayer(layer)} on this text, without any steering; try an export with a wider float type.`,
    ),
  /** What a client is told of `engineFailed`. */
  engineFailedFor: (requestId: string) =>
    new SteerdError(
      'engine_failed',
      500,
      'server_error',
      `the model failed while running; the server's log says why under request id ${requestId}.`,
    ),
  engineFailed: (model: string, reason: string) =>
    new SteerdError('engine_failed', 500, 'server_error', `model ${model} failed while running: ${reason}.`),
} as const;

const databaseAway = errors.databaseUnavailable().code;

/** Whether something failed because the shared database is away, and may be tried again when it is back. */
export const isDatabaseAway = (error: unknown): boolean =>
  error instanceof SteerdError && error.code === databaseAway;

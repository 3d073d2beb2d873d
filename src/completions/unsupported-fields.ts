/**
 * Fields that would change the answer and are not supported: an error instead of an answer that silently ignores
 * them. OpenAI's and vLLM's other fields, and unknown ones, are ignored as OpenAI does.
 */
import { closest } from '../common/closest.js';
import { errors } from '../errors.js';
import { MonitorFields } from '../schemas/monitor.js';
import { SteeringFields, SteeringItem } from '../schemas/steering.js';
import {
  didYouMean,
  insideSteering,
  insideSteeringSet,
  looksLikeSteering,
  meantField,
} from './steering-likeness.js';

type Body = Readonly<Record<string, unknown>>;

const isOff = (value: unknown) => value === false;
const isEmpty = (value: unknown) =>
  value === '' || (typeof value === 'object' && Object.keys(value ?? {}).length === 0);

/** The value that asks for nothing (besides null and a field left out), and what to do instead. */
interface Unsupported {
  readonly idle: (value: unknown, body: Body) => boolean;
  readonly instead: string;
}

const leaveOut = (idle: Unsupported['idle'] = isEmpty): Unsupported => ({ idle, instead: 'leave it out' });

const sampler = (...idle: readonly number[]): Unsupported => ({
  idle: (value) => idle.some((known) => known === value),
  instead: 'leave it out: top_p, top_k, min_p and the penalties are there',
});

const unsupported: Readonly<Record<string, Unsupported>> = {
  functions: { idle: isEmpty, instead: 'say it as tools' },
  function_call: {
    idle: (value) => value === 'none' || value === 'auto' || isEmpty(value),
    instead: 'say it as tool_choice',
  },
  guided_whitespace_pattern: leaveOut(),
  documents: leaveOut(),
  modalities: {
    idle: (value) => Array.isArray(value) && value.every((kind) => kind === 'text'),
    instead: 'only ["text"] is',
  },
  audio: leaveOut(),
  suffix: { idle: isEmpty, instead: 'leave it out: the models here go on with a text, they do not fill in' },
  best_of: {
    idle: (value, body) => value === (body.n ?? 1),
    instead: 'leave it out, or give it the value of n',
  },
  use_beam_search: leaveOut(isOff),
  // Samplers of llama.cpp, text-generation-webui and Hugging Face; idle at the values with which they do nothing.
  typical_p: sampler(1),
  tfs_z: sampler(1),
  top_a: sampler(0),
  top_n_sigma: sampler(-1, 0),
  epsilon_cutoff: sampler(0),
  eta_cutoff: sampler(0),
  smoothing_factor: sampler(0),
  dynatemp_range: sampler(0),
  xtc_probability: sampler(0),
  dry_multiplier: sampler(0),
  mirostat: sampler(0),
  mirostat_mode: sampler(0),
  penalty_alpha: sampler(0),
  no_repeat_ngram_size: sampler(0),
  guidance_scale: sampler(1),
  length_penalty: sampler(1),
  repeat_last_n: {
    idle: (value, body) => value === -1 || (body.repetition_penalty ?? 1) === 1,
    instead: 'leave it out: repetition_penalty looks at the prompt and the whole answer',
  },
  n_probs: { idle: (value) => value === 0, instead: 'say it as logprobs (and top_logprobs in chats)' },
  n_keep: { idle: (value) => value === 0, instead: 'say it as truncate_prompt_tokens' },
  do_sample: { idle: (value) => value === true, instead: 'say temperature: 0' },
  watermark: leaveOut(isOff),
  negative_prompt: leaveOut(),
  lora: leaveOut(),
  lora_path: leaveOut(),
  adapter_id: leaveOut(),
  logits_processors: leaveOut(),
  chat_template: leaveOut(),
};

const steeringFields = Object.keys({ ...SteeringFields, ...MonitorFields });

/** Names that other software has for steering and monitoring, and that do not look like it. */
const aliases: Readonly<Record<string, string>> = {
  controller: 'steering',
  monitors: 'monitor',
  monitoring: 'monitor',
  projections: 'monitor',
};

const itemFields = new Set(
  Object.keys(SteeringItem.in.shape).filter((field) => !steeringFields.includes(field)),
);

/** Fields of a body that are not known: each is compared with all that are. */
const mostUnknown = 256;

/**
 * @param known the fields of the request's schema
 * @throws SteerdError not_supported, unknown_steering_field; invalid_value for more fields than anybody looks at
 */
export function refuseUnsupported(body: Body, known: readonly string[]): void {
  const unknown = Object.keys(body).filter((field) => !known.includes(field)).length;
  if (unknown > mostUnknown)
    throw errors.invalidRequest(
      `the request must have at most ${mostUnknown} fields that this server does not know; received ${unknown}.`,
      null,
    );
  const inside = { left: mostInside };
  for (const [field, value] of Object.entries(body)) {
    if (value === null || value === undefined || known.includes(field)) continue;
    const rule = Object.hasOwn(unsupported, field) ? unsupported[field] : undefined;
    if (rule !== undefined) {
      if (!rule.idle(value, body)) throw errors.notSupported(field, rule.instead);
    } else {
      refuseUnreadSteering(field, value, known, inside);
    }
  }
}

/** What the OpenAI client takes its further fields from, and never sends. */
const unpacked = 'extra_body';

function refuseUnreadSteering(
  field: string,
  value: unknown,
  known: readonly string[],
  inside: { left: number },
): void {
  if (field === 'budget') throw errors.unknownSteeringField(field, insideSteeringSet(field));
  if (itemFields.has(field)) throw errors.unknownSteeringField(field, insideSteering(field));
  const alias = Object.hasOwn(aliases, field.toLowerCase()) ? aliases[field.toLowerCase()] : undefined;
  // Other fields first: at equal distance "streaming" means "stream".
  const others = known.filter((name) => !steeringFields.includes(name));
  const meant = alias ?? closest(field, [...others, ...steeringFields]);
  if (meant !== undefined && steeringFields.includes(meant)) {
    throw errors.unknownSteeringField(field, didYouMean(meant));
  }
  if (meant === undefined && looksLikeSteering(field)) {
    throw errors.unknownSteeringField(field, meantField(field, value, itemFields));
  }
  refusePacked(field, value, inside);
}

/** Names inside of objects that nothing reads, of one body. */
const mostInside = 1000;

/** Steering inside of an object that nothing reads; of the first level, where clients and gateways put it. */
function refusePacked(field: string, value: unknown, inside: { left: number }): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return;
  const keys = Object.keys(value).slice(0, inside.left);
  inside.left -= keys.length;
  const inner = keys.find((key) => steeringFields.includes(key) || looksLikeSteering(key));
  const told = inner ?? (field === unpacked ? keys[0] : undefined);
  if (told === undefined) return;
  throw errors.unknownSteeringField(
    field,
    `send its fields at the top level of the body: {${JSON.stringify(told.slice(0, 80))}: ...}`,
  );
}

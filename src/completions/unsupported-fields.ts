/**
 * Fields that would change the answer and are not supported: an error instead of an answer that silently ignores
 * them. OpenAI's and vLLM's other fields, and unknown ones, are ignored as OpenAI does.
 */
import { closest } from '../common/closest.js';
import { errors } from '../errors.js';
import { MonitorFields } from '../schemas/monitor.js';
import { SteeringFields, SteeringItem } from '../schemas/steering.js';

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

const unsupported: Readonly<Record<string, Unsupported>> = {
  functions: { idle: isEmpty, instead: 'say it as tools' },
  function_call: {
    idle: (value) => value === 'none' || value === 'auto' || isEmpty(value),
    instead: 'say it as tool_choice',
  },
  guided_json: { idle: isEmpty, instead: 'say it as structured_outputs.json' },
  guided_regex: { idle: isEmpty, instead: 'say it as structured_outputs.regex' },
  guided_choice: { idle: isEmpty, instead: 'say it as structured_outputs.choice' },
  guided_grammar: { idle: isEmpty, instead: 'say it as structured_outputs.grammar' },
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
  chat_template: leaveOut(),
};

const steeringFields = Object.keys({ ...SteeringFields, ...MonitorFields });

/** Names that other software has for steering and monitoring. */
const aliases: Readonly<Record<string, string>> = {
  steer: 'steering',
  steered: 'steering',
  vector: 'steering',
  vectors: 'steering',
  steering_vector: 'steering',
  steering_vectors: 'steering',
  control_vector: 'steering',
  control_vectors: 'steering',
  controller: 'steering',
  monitors: 'monitor',
  monitoring: 'monitor',
  projections: 'monitor',
};

const itemFields = new Set(
  Object.keys(SteeringItem.in.shape).filter((field) => !steeringFields.includes(field)),
);

/**
 * @param known the fields of the request's schema
 * @throws SteerdError not_supported, unknown_steering_field
 */
export function refuseUnsupported(body: Body, known: readonly string[]): void {
  for (const [field, value] of Object.entries(body)) {
    if (value === null || value === undefined || known.includes(field)) continue;
    const rule = Object.hasOwn(unsupported, field) ? unsupported[field] : undefined;
    if (rule !== undefined) {
      if (!rule.idle(value, body)) throw errors.notSupported(field, rule.instead);
    } else {
      refuseMisspeltSteering(field, known);
    }
  }
}

const budgetFields: readonly string[] = ['budget', 'steering_budget'];

function refuseMisspeltSteering(field: string, known: readonly string[]): void {
  if (budgetFields.includes(field)) {
    throw errors.unknownSteeringField(
      field,
      'it belongs inside steering: {"steering": {"items": [...], "budget": ...}}',
    );
  }
  if (itemFields.has(field)) {
    throw errors.unknownSteeringField(
      field,
      `it belongs inside steering: {"steering": {"concept": ..., "${field}": ...}}`,
    );
  }
  const alias = Object.hasOwn(aliases, field.toLowerCase()) ? aliases[field.toLowerCase()] : undefined;
  // Other fields first: at equal distance "streaming" means "stream".
  const others = known.filter((name) => !steeringFields.includes(name));
  const meant = alias ?? closest(field, [...others, ...steeringFields]);
  if (meant !== undefined && steeringFields.includes(meant)) {
    throw errors.unknownSteeringField(field, `did you mean "${meant}"?`);
  }
}

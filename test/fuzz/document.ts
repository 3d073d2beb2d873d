/** The published description as the fuzzer reads it: its operations, and what it says of an answer. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { packageRoot } from '../../src/common/package.js';

/** A JSON schema, as far as ours go. */
export interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | Schema;
  readonly items?: Schema;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly example?: unknown;
  readonly examples?: readonly unknown[];
}

interface Media {
  readonly schema: Schema;
}
type Content = Readonly<Record<string, Media>>;

export interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header';
  readonly required: boolean;
  readonly schema: Schema;
  readonly example?: unknown;
}

export interface Operation {
  readonly id: string;
  readonly method: string;
  /** With `{name}` for what is filled in. */
  readonly path: string;
  readonly parameters: readonly Parameter[];
  /** Schema of the JSON body; undefined where there is none. */
  readonly body: Schema | undefined;
  readonly mediaTypes: readonly string[];
  readonly responses: Readonly<Record<string, { readonly content?: Content }>>;
}

interface Item {
  readonly operationId: string;
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly content: Content };
  readonly responses: Operation['responses'];
}

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Item>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

const prefix = '#/components/schemas/';

export class Description {
  readonly operations: readonly Operation[];
  readonly #ajv = new Ajv2020({ strict: false, allErrors: false, validateFormats: false });
  readonly #validators = new Map<Schema, ValidateFunction>();

  constructor(readonly document: Document) {
    // Known to ajv under the name by which schemas refer to their components.
    this.#ajv.addSchema({ $id: 'document', components: document.components });
    this.operations = Object.entries(document.paths).flatMap(([path, item]) =>
      Object.entries(item).map(
        ([method, operation]): Operation => ({
          id: operation.operationId,
          method: method.toUpperCase(),
          path,
          parameters: operation.parameters ?? [],
          body: operation.requestBody?.content['application/json']?.schema,
          mediaTypes: Object.keys(operation.requestBody?.content ?? {}),
          responses: operation.responses,
        }),
      ),
    );
  }

  static async read(): Promise<Description> {
    return new Description(
      JSON.parse(await readFile(join(packageRoot, 'openapi', 'openapi.json'), 'utf8')) as Document,
    );
  }

  /** The schema itself, or the component it refers to. */
  resolve(schema: Schema): Schema {
    if (schema.$ref === undefined) return schema;
    const found = this.document.components.schemas[schema.$ref.slice(prefix.length)];
    if (found === undefined) throw new Error(`${schema.$ref} leads nowhere`);
    return this.resolve(found);
  }

  /** What is wrong with `value` by the schema; null when nothing is. */
  faultOf(schema: Schema, value: unknown): string | null {
    let validator = this.#validators.get(schema);
    if (validator === undefined) {
      const text = JSON.stringify(schema).replaceAll('"#/components/', '"document#/components/');
      validator = this.#ajv.compile(JSON.parse(text) as object);
      this.#validators.set(schema, validator);
    }
    if (validator(value)) return null;
    const [error] = validator.errors ?? [];
    return `${error?.instancePath || 'it'} ${error?.message} ${JSON.stringify(error?.params ?? {})}`;
  }
}

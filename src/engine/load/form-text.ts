/** A form of products by column as text, as it is kept beside its weights, and back. */
import { z } from 'zod';
import type { ExternalWeight } from '../../onnx/find/product-weights.js';
import type { ColumnForm } from '../../onnx/rewrite/column-products.js';

export interface WrittenForm {
  readonly form: ColumnForm;
  /** The weights that were written, in one file. */
  readonly written: readonly ExternalWeight[];
}

/** float32 as the base64 of its bytes: text would have to give every bit. */
const encodeFloats = (values: Float32Array) =>
  Buffer.from(values.buffer, values.byteOffset, values.byteLength).toString('base64');

const floats = z.base64().transform((text) => {
  const bytes = Uint8Array.from(Buffer.from(text, 'base64'));
  return new Float32Array(bytes.buffer, 0, Math.floor(bytes.length / 4));
});
const size = z.int().min(0);

const Text = z.object({
  levels: z.object({ weight: size, activation: size }),
  groups: z.array(z.tuple([z.string(), z.object({ factors: floats.nullable(), repeated: z.array(size) })])),
  products: z.array(z.tuple([z.string(), z.object({ weight: z.string(), scales: floats })])),
  written: z.array(
    z.object({
      name: z.string(),
      location: z.string(),
      offset: size,
      bytes: size,
      dataType: size,
      shape: z.array(size),
    }),
  ),
});

export function encodeForm({ form, written }: WrittenForm): string {
  const groups = [...form.groups].map(([name, { factors, repeated }]) => [
    name,
    { factors: factors && encodeFloats(factors), repeated },
  ]);
  const products = [...form.products].map(([name, { weight, scales }]) => [
    name,
    { weight, scales: encodeFloats(scales) },
  ]);
  return JSON.stringify({ levels: form.levels, groups, products, written });
}

/** @returns null for a text that is none */
export function decodeForm(text: string): WrittenForm | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  const read = Text.safeParse(value);
  if (!read.success) return null;
  const { levels, groups, products, written } = read.data;
  return { form: { levels, groups: new Map(groups), products: new Map(products) }, written };
}

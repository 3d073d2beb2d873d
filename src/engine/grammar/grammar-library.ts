/**
 * Loads @mlc-ai/web-xgrammar: WebAssembly that compiles grammars and says which tokens may come next.
 *
 * An input that it does not like aborts the whole instance, which must not be used again: hence `loadGrammarLibrary`
 * makes a new one each time. Its file is a UMD bundle in a package that calls itself an ES module: Node can only be
 * made to read it by compiling it as CommonJS.
 */
import { readFile } from 'node:fs/promises';
import Module, { createRequire } from 'node:module';
import type { CompiledGrammar, GrammarMatcher } from '@mlc-ai/web-xgrammar';

type Library = typeof import('@mlc-ai/web-xgrammar');

export type { CompiledGrammar, GrammarMatcher };

/** What constrains an answer; texts are JSON or the grammar's source (JSON schemas become grammars before: src/json-grammar). */
export type ConstraintSource =
  /** xgrammar's structural tags, for text with tool calls and regular expressions. */
  | { readonly kind: 'structural_tag'; readonly tag: string }
  | { readonly kind: 'grammar'; readonly source: string };

/** A model's tokens as xgrammar wants them. */
export interface GrammarVocabulary {
  /** By id, in GPT-2's alphabet for bytes; empty for what no text may hold. */
  readonly tokens: readonly string[];
  readonly endTokens: readonly number[];
}

interface CommonJsModule {
  exports: Library;
  filename: string;
  _compile(source: string, filename: string): void;
}

async function loadLibrary(): Promise<Library> {
  const file = createRequire(import.meta.url).resolve('@mlc-ai/web-xgrammar');
  const loaded = new Module(file) as unknown as CommonJsModule;
  loaded.filename = file;
  loaded._compile(await readFile(file, 'utf8'), file);
  return loaded.exports;
}

export interface GrammarLibrary {
  compile(source: ConstraintSource): Promise<CompiledGrammar>;
  matcher(grammar: CompiledGrammar): Promise<GrammarMatcher>;
}

/** @param size of the logits */
export async function loadGrammarLibrary(
  vocabulary: GrammarVocabulary,
  size: number,
): Promise<GrammarLibrary> {
  const { GrammarCompiler, GrammarMatcher, TokenizerInfo } = await loadLibrary();
  const { tokens, endTokens } = vocabulary;
  const info = await TokenizerInfo.createTokenizerInfo([...tokens], 'byte_level', false, size, [
    ...endTokens,
  ]);
  const compiler = await GrammarCompiler.createGrammarCompiler(info, false);
  return {
    compile(source) {
      return source.kind === 'grammar'
        ? compiler.compileGrammar(source.source)
        : compiler.compileStructuralTag(source.tag);
    },
    matcher: (grammar) => GrammarMatcher.createGrammarMatcher(grammar),
  };
}

/**
 * Loads @mlc-ai/web-xgrammar: WebAssembly that compiles grammars and computes which tokens may come next.
 *
 * Input that xgrammar cannot parse aborts the whole WebAssembly instance, which must not be used again, so
 * `loadGrammarLibrary` makes a new one each time. The package calls itself an ES module while its file is a UMD bundle:
 * Node reads it only when it is compiled as CommonJS.
 */
import { readFile } from 'node:fs/promises';
import Module, { createRequire } from 'node:module';
import type { CompiledGrammar, GrammarMatcher } from '@mlc-ai/web-xgrammar';
import type { ConstraintSource, GrammarVocabulary } from '../protocol.js';

type Library = typeof import('@mlc-ai/web-xgrammar');

export type { CompiledGrammar, GrammarMatcher };

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

/** @param size of the vocabulary, as the logits have it: V */
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

/**
 * A text whose tokens are tinted by what a concept reads at each. The numbers of a token are shown when it is pointed at or reached
 * with the arrow keys. Thousands of tokens are drawn in paragraphs and blocks, of which only the last changes while the text grows;
 * the browser lays out those that are in sight.
 */
import { memo } from 'preact/compat';
import { useEffect, useId, useRef, useState } from 'preact/hooks';
import { decimalText } from './numbers.js';
import { tintOf } from './tint.js';

export interface TintedToken {
  readonly text: string;
  /** One per concept, in their order. */
  readonly values: readonly number[];
}

interface TokenTextProps {
  readonly label: string;
  readonly tokens: readonly TintedToken[];
  /** How many there are: `tokens` may be a list that grows. */
  readonly count: number;
  readonly concepts: readonly string[];
  /** Index of the concept that tints. */
  readonly shown: number;
  /** The reading that gets the full colour of "told": 1 in calibrated units. */
  readonly unit?: number;
}

const blockSize = 64;

export function TokenText({ label, tokens, count, concepts, shown, unit = 1 }: TokenTextProps) {
  const id = useId();
  const [pointed, setPointed] = useState<number | null>(null);
  const place = useRef<HTMLDivElement>(null);
  const current = pointed === null ? undefined : tokens[pointed];
  const starts = useRef<Starts>({ tokens, seen: 0, at: [0] });
  const paragraphs = paragraphStarts(starts, tokens, count);

  const move = (to: number) => {
    const at = Math.max(0, Math.min(count - 1, to));
    setPointed(at);
    document.getElementById(`${id}-${at}`)?.scrollIntoView({ block: 'nearest' });
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const at = pointed ?? -1;
    if (event.key === 'ArrowRight' || event.key === 'ArrowDown') move(at + 1);
    else if (event.key === 'ArrowLeft' || event.key === 'ArrowUp') move(at - 1);
    else if (event.key === 'Home') move(0);
    else if (event.key === 'End') move(count - 1);
    else if (event.key === 'Escape' && pointed !== null) setPointed(null);
    else return;
    event.preventDefault();
  };
  useEffect(() => {
    const before = place.current?.querySelector('.token-at');
    before?.classList.remove('token-at');
    before?.removeAttribute('aria-selected');
    if (pointed === null) return;
    const now = document.getElementById(`${id}-${pointed}`);
    now?.classList.add('token-at');
    now?.setAttribute('aria-selected', 'true');
  }, [pointed, id]);

  return (
    <div class="tokens">
      <div
        ref={place}
        class="tokens-text"
        role="listbox"
        aria-label={label}
        aria-activedescendant={pointed === null ? undefined : `${id}-${pointed}`}
        tabIndex={0}
        onKeyDown={onKeyDown}
        onBlur={() => setPointed(null)}
        onMouseOver={({ target }) => {
          const at = target instanceof HTMLElement ? target.dataset.at : undefined;
          if (at !== undefined) setPointed(Number(at));
        }}
        onMouseLeave={() => setPointed(null)}
        // Tells keyboards' users what mouse users see.
        onFocus={() => pointed === null && place.current?.matches(':focus-visible') && move(0)}
      >
        {paragraphs.map((from, i) => (
          <Paragraph
            key={from}
            id={id}
            tokens={tokens}
            from={from}
            to={paragraphs[i + 1] ?? count}
            shown={shown}
            unit={unit}
          />
        ))}
      </div>
      <p class="tokens-numbers number" aria-live="polite">
        {current && pointed !== null ? (
          <>
            <code>{visible(current.text)}</code>
            {concepts.map((name, i) => (
              <span key={name} class={i === shown ? 'tokens-shown' : undefined}>
                {name} {decimalText(current.values[i] ?? Number.NaN)}
              </span>
            ))}
            <span class="quiet-text">
              token {pointed + 1} of {count}
            </span>
          </>
        ) : (
          '\u00a0'
        )}
      </p>
    </div>
  );
}

/** White space as signs. */
export const visible = (text: string): string => text.replaceAll('\n', '\u21b5').replaceAll(' ', '\u00b7');

interface Starts {
  tokens: readonly TintedToken[];
  /** How many tokens were looked at. */
  seen: number;
  at: number[];
}

/** Where paragraphs begin: behind tokens that end a line. Looks at new tokens only. */
function paragraphStarts(
  { current }: { readonly current: Starts },
  tokens: readonly TintedToken[],
  count: number,
): readonly number[] {
  if (current.tokens !== tokens || current.seen > count) Object.assign(current, { tokens, seen: 0, at: [0] });
  for (; current.seen < count; current.seen++)
    if (tokens[current.seen]?.text.endsWith('\n')) current.at.push(current.seen + 1);
  return current.at.filter((start) => start < count);
}

const Paragraph = memo(({ from, to, ...rest }: TokenBlockProps) => (
  <div role="presentation" class="paragraph">
    {Array.from({ length: Math.ceil((to - from) / blockSize) }, (_, i) => from + i * blockSize).map(
      (start) => (
        <TokenBlock key={start} from={start} to={Math.min(to, start + blockSize)} {...rest} />
      ),
    )}
  </div>
));

interface TokenBlockProps {
  readonly id: string;
  readonly tokens: readonly TintedToken[];
  readonly from: number;
  readonly to: number;
  readonly shown: number;
  readonly unit: number;
}

const TokenBlock = memo(({ id, tokens, from, to, shown, unit }: TokenBlockProps) => (
  <span role="presentation">
    {tokens.slice(from, to).map(({ text, values }, i) => {
      const at = from + i;
      const colour = tintOf((values[shown] ?? Number.NaN) / unit);
      return (
        // biome-ignore lint/a11y/useFocusableInteractive: the list has the focus and names the active one
        <span
          key={at}
          id={`${id}-${at}`}
          data-at={at}
          role="option"
          aria-selected={false}
          // White space has no name by itself.
          aria-label={text.trim() === '' ? visible(text) || 'nothing' : undefined}
          class="token"
          style={colour === undefined ? undefined : { background: colour }}
        >
          {text}
        </span>
      );
    })}
  </span>
));

/**
 * A figure drawn by Observable Plot. The library is loaded with the first figure, not with the page. A figure says in words what it
 * shows (`label`), is as wide as its place, and is drawn anew when its data, its width or the theme change.
 */
import type { Markish, PlotOptions } from '@observablehq/plot';
import { useEffect, useRef, useState } from 'preact/hooks';
import { isDark } from '../state/theme.js';

export type PlotLibrary = typeof import('@observablehq/plot');
export type { Markish, PlotOptions };

let library: Promise<PlotLibrary> | undefined;
const loadPlot = (): Promise<PlotLibrary> => {
  // A task between loading it and drawing: both take a while, and somebody may be typing.
  library ??= import('@observablehq/plot').then(
    (plot) => new Promise((resolve) => setTimeout(() => resolve(plot), 0)),
  );
  return library;
};

interface PlotProps {
  /** What it shows, in a sentence. */
  readonly label: string;
  /** CSS pixels. Without it as Plot decides. */
  readonly height?: number;
  /** A text under the figure. */
  readonly caption?: string;
  /** What the figure shows; it is drawn anew when this is another value. */
  readonly data: unknown;
  /** The options for the library's `plot`, given the width in CSS pixels. */
  readonly draw: (plot: PlotLibrary, width: number) => PlotOptions;
}

export function PlotFigure({ label, height, caption, data, draw }: PlotProps) {
  const place = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  const [failed, setFailed] = useState(false);
  const dark = isDark();
  useEffect(() => {
    const element = place.current;
    if (element === null) return;
    const watch = new ResizeObserver(([entry]) => setWidth(Math.floor(entry?.contentRect.width ?? 0)));
    watch.observe(element);
    return () => watch.disconnect();
  }, []);
  // `draw` is another function each time: `data` says when.
  useEffect(() => {
    if (width === 0) return;
    let stale = false;
    loadPlot().then(
      (plot) => {
        if (stale) return;
        const options = draw(plot, width);
        const drawn = plot.plot({
          width,
          ...(height === undefined ? {} : { height }),
          ...options,
          style: {
            background: 'transparent',
            color: 'inherit',
            fontFamily: 'inherit',
            fontSize: '12px',
            overflow: 'visible',
            ...(typeof options.style === 'object' ? options.style : {}),
          },
        });
        // One picture with one text: what its parts say by themselves ("line", "rule") helps nobody.
        for (const part of drawn.querySelectorAll('[aria-label]')) part.removeAttribute('aria-label');
        drawn.setAttribute('role', 'img');
        drawn.setAttribute('aria-label', label);
        place.current?.replaceChildren(drawn);
      },
      () => !stale && setFailed(true),
    );
    return () => {
      stale = true;
    };
  }, [data, width, height, label, dark]);
  return (
    <figure class="plot">
      <div ref={place} style={height === undefined ? {} : { minHeight: `${height}px` }} />
      {failed && <p class="hint">The figure could not be loaded.</p>}
      {caption !== undefined && <figcaption class="hint">{caption}</figcaption>}
    </figure>
  );
}

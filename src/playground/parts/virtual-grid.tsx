/**
 * A list of cards of which only those near the window are there: thousands scroll as a few do. All cards have one height, columns are
 * as many as fit, and the page itself scrolls. Each says where it stands in the whole list.
 */
import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';

interface VirtualGridProps<Item> {
  readonly label: string;
  readonly items: readonly Item[];
  readonly keyOf: (item: Item) => string;
  /** CSS pixels: height of a card, its least width, and the gap between two. */
  readonly height: number;
  readonly width: number;
  readonly gap: number;
  readonly render: (item: Item) => ComponentChildren;
}

/** Rows beyond the window, on each side: what the keyboard comes to next is there. */
const beyond = 3;

interface Range {
  readonly columns: number;
  readonly from: number;
  readonly to: number;
}

export function VirtualGrid<Item>({
  label,
  items,
  keyOf,
  height,
  width,
  gap,
  render,
}: VirtualGridProps<Item>) {
  const place = useRef<HTMLUListElement>(null);
  const [range, setRange] = useState<Range>({ columns: 1, from: 0, to: 8 });
  useEffect(() => {
    const element = place.current;
    if (element === null) return;
    let frame = 0;
    const look = () => {
      frame = 0;
      const columns = Math.max(1, Math.floor((element.clientWidth + gap) / (width + gap)));
      const top = -element.getBoundingClientRect().top;
      const row = height + gap;
      const from = Math.max(0, Math.floor(top / row) - beyond);
      const to = Math.max(from, Math.ceil((top + innerHeight) / row) + beyond);
      setRange((before) =>
        before.columns === columns && before.from === from && before.to === to
          ? before
          : { columns, from, to },
      );
    };
    const soon = () => {
      frame ||= requestAnimationFrame(look);
    };
    const watch = new ResizeObserver(soon);
    watch.observe(element);
    addEventListener('scroll', soon, { passive: true });
    addEventListener('resize', soon);
    look();
    return () => {
      watch.disconnect();
      removeEventListener('scroll', soon);
      removeEventListener('resize', soon);
      cancelAnimationFrame(frame);
    };
  }, [height, width, gap]);
  const { columns } = range;
  const rows = Math.ceil(items.length / columns);
  const from = Math.min(range.from, Math.max(0, rows - 1));
  const to = Math.min(range.to, rows);
  const first = from * columns;
  const row = height + gap;
  return (
    <ul
      ref={place}
      class="virtual-grid"
      aria-label={label}
      style={{
        gridTemplateColumns: `repeat(${columns}, minmax(0, 1fr))`,
        gridAutoRows: `${height}px`,
        gap: `${gap}px`,
        paddingTop: `${from * row}px`,
        paddingBottom: `${Math.max(0, rows - to) * row}px`,
      }}
    >
      {items.slice(first, to * columns).map((item, i) => (
        <li key={keyOf(item)} aria-setsize={items.length} aria-posinset={first + i + 1}>
          {render(item)}
        </li>
      ))}
    </ul>
  );
}

/** How busy the server is now: streams, queue, memory. */
import type { ComponentChildren } from 'preact';
import type { Load } from '../../schemas/operations.js';
import { get } from '../api/client.js';
import { inWords } from '../api/errors.js';
import { bytesText } from '../parts/bytes.js';
import { usePolled } from '../parts/polled.js';

/** Milliseconds between two looks. */
const pause = 2000;

const readLoad = (signal: AbortSignal) => get<Load>('load', { signal });

export function LoadCards() {
  const { value: load, error } = usePolled(readLoad, pause);
  return (
    <section class="stack-tight" aria-label="Load">
      <h2>Now</h2>
      {error !== null && (
        <p class="notice notice-warn" role="alert">
          {inWords(error)}
        </p>
      )}
      {load !== null && (
        <dl class="tiles number">
          <Tile
            name="Answers"
            value={String(load.server_load)}
            note={load.server_load === 1 ? 'is being made' : 'are being made, those that wait included'}
          />
          <Tile
            name="Running"
            value={`${load.running} of ${load.slots}`}
            note="sequences that compute together"
          >
            <meter min={0} max={Math.max(1, load.slots)} value={load.running} aria-label="Slots in use" />
          </Tile>
          <Tile name="Queue" value={String(load.waiting)} note="sequences wait for a slot" />
          <Tile
            name="Memory"
            value={bytesText(load.memory.resident)}
            note={`of ${bytesText(load.memory.machine)}; ${bytesText(load.memory.models)} are set aside for loaded models`}
          >
            <meter
              min={0}
              max={load.memory.machine}
              value={load.memory.resident}
              aria-label="Memory that the server has"
            />
          </Tile>
        </dl>
      )}
    </section>
  );
}

interface TileProps {
  readonly name: string;
  readonly value: string;
  readonly note: string;
  readonly children?: ComponentChildren;
}

const Tile = ({ name, value, note, children }: TileProps) => (
  <div class="card tile">
    <dt class="label">{name}</dt>
    <dd>
      <strong class="tile-value">{value}</strong>
      {children}
      <span class="hint">{note}</span>
    </dd>
  </div>
);

/** Where an item acts, in depth and along the text: as a link has it, and as people say it. */
import type { SteeringLayers, SteeringPositions } from '../../schemas/steering.js';

/** `all`, `10-20`, `top-5` or `3.7.9`. */
export function layersText(layers: SteeringLayers): string {
  if (typeof layers === 'string') return layers;
  if (Array.isArray(layers)) return layers.join('.');
  return 'top' in layers ? `top-${layers.top}` : `${layers.from}-${layers.to}`;
}

/** What makes no sense is the default. */
export function layersOf(text: string): SteeringLayers {
  if (text === 'all') return 'all';
  const top = /^top-(\d+)$/.exec(text);
  if (top) return { top: Math.max(1, Number(top[1])) };
  const range = /^(\d+)-(\d+)$/.exec(text);
  if (range && Number(range[1]) <= Number(range[2])) return { from: Number(range[1]), to: Number(range[2]) };
  return /^\d+(\.\d+)*$/.test(text) ? text.split('.').map(Number) : 'default';
}

/** `prompt`, `generated`, `last-5` or `3-10`. */
export function positionsText(positions: SteeringPositions): string {
  if (typeof positions === 'string') return positions;
  return 'last' in positions ? `last-${positions.last}` : `${positions.from}-${positions.to}`;
}

/** What makes no sense is all of them. */
export function positionsOf(text: string): SteeringPositions {
  if (text === 'prompt' || text === 'generated') return text;
  const last = /^last-(\d+)$/.exec(text);
  if (last) return { last: Math.max(1, Number(last[1])) };
  const range = /^(\d+)-(\d+)$/.exec(text);
  return range && Number(range[1]) < Number(range[2])
    ? { from: Number(range[1]), to: Number(range[2]) }
    : 'all';
}

/** "layers 1 to 29", "layer 7", "layers 1 to 3 and 9": of sorted numbers. */
export function layersInWords(layers: readonly number[]): string {
  const runs: [number, number][] = [];
  for (const layer of layers) {
    const last = runs.at(-1);
    if (last !== undefined && last[1] === layer - 1) last[1] = layer;
    else runs.push([layer, layer]);
  }
  const said = runs.map(([from, to]) => (from === to ? `${from}` : `${from} to ${to}`));
  const list = said.length < 2 ? said.join('') : `${said.slice(0, -1).join(', ')} and ${said.at(-1)}`;
  return `${layers.length === 1 ? 'layer' : 'layers'} ${list}`;
}

export function positionsInWords(positions: SteeringPositions): string {
  if (positions === 'all') return 'every position';
  if (positions === 'prompt') return 'every position of the prompt';
  if (positions === 'generated') return 'every position of the answer';
  if ('last' in positions) return `the prompt’s last ${positions.last} tokens and the answer`;
  return `positions ${positions.from} to ${positions.to - 1}`;
}

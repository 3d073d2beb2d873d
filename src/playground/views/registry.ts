/** The views in the order of the navigation. Each is a module of its own, loaded when somebody first goes there. */
import type { ComponentType } from 'preact';

export interface View {
  /** In the URL: `#/chat`. */
  readonly id: string;
  readonly title: string;
  /** One line that says what it is for. */
  readonly purpose: string;
  load(): Promise<{ readonly default: ComponentType }>;
}

export const views: readonly View[] = [
  {
    id: 'chat',
    title: 'Chat',
    purpose: 'Talk with the model, plain and steered, side by side',
    load: () => import('./chat.js'),
  },
  {
    id: 'make',
    title: 'Make',
    purpose: 'Make a concept of your own',
    load: () => import('./make.js'),
  },
  {
    id: 'library',
    title: 'Library',
    purpose: 'The concepts that there are',
    load: () => import('./library.js'),
  },
  {
    id: 'sweep',
    title: 'Sweep',
    purpose: 'Many strengths, many prompts, one table',
    load: () => import('./sweep.js'),
  },
  {
    id: 'benchmark',
    title: 'Benchmark',
    purpose: 'Runs of the paper’s benchmark, and their reports',
    load: () => import('./benchmark.js'),
  },
  {
    id: 'server',
    title: 'Server',
    purpose: 'Models, running streams, memory',
    load: () => import('./server.js'),
  },
];

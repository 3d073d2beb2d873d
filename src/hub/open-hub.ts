/** The hub that the settings name, with its token from the environment. */
import type { Settings } from '../config.js';
import { Hub, type HubSettings } from './hub.js';

/**
 * The token is read from the environment variable HF_TOKEN. It is not a setting like the others, because everybody on
 * the machine can read the flags of a process.
 */
export function openHub(
  { hubEndpoint }: Pick<Settings, 'hubEndpoint'>,
  onInterruption: HubSettings['onInterruption'],
  environment: Readonly<Record<string, string | undefined>> = process.env,
): Hub {
  return new Hub({ endpoint: hubEndpoint, token: environment.HF_TOKEN?.trim() ?? '', onInterruption });
}

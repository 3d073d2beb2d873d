/** The hub of the settings. */
import type { Settings } from '../config.js';
import { Hub, type HubSettings } from './hub.js';

/**
 * The token is read from HF_TOKEN and is no setting like the others: a flag would show it to everybody on the
 * machine.
 */
export function openHub(
  { hubEndpoint }: Pick<Settings, 'hubEndpoint'>,
  onInterruption: HubSettings['onInterruption'],
  environment: Readonly<Record<string, string | undefined>> = process.env,
): Hub {
  return new Hub({ endpoint: hubEndpoint, token: environment.HF_TOKEN?.trim() ?? '', onInterruption });
}

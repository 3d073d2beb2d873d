/** `steerd worker`: takes jobs from the database that servers share, and answers no requests but for its metrics. */
import type { Command } from 'commander';
import { createLog } from '../common/log.js';
import { packageVersion } from '../common/package.js';
import { ConfigError, type SettingName, type Settings, settingNames } from '../config.js';
import { stopOnSignals } from './serve.js';
import { addSettings } from './settings-options.js';

/** What only a server that is asked needs. */
const ofHttp: readonly SettingName[] = [
  'host',
  'port',
  'allowAnonymous',
  'corsOrigins',
  'allowedHosts',
  'requestSeconds',
  'bodySeconds',
  'readerSeconds',
  'bodyLimit',
  'uploadLimit',
  'drainDelay',
  'takeJobs',
];

export function register(program: Command): void {
  const command = program.command('worker').description('work on jobs of servers that share a database');
  const settingsOf = addSettings(
    command,
    settingNames.filter((name) => !ofHttp.includes(name)),
  );
  command.action((options: Readonly<Record<string, unknown>>) => run(settingsOf(options)));
}

async function run(settings: Settings): Promise<void> {
  if (settings.databaseUrl === '') {
    throw new ConfigError(
      'DATABASE_URL must name the PostgreSQL database that the servers share; a server without one does its jobs itself.',
    );
  }
  const [{ openServices }, { closeServices }, { observeWorker }, { openMetricsPort }] = await Promise.all([
    import('../server/open-services.js'),
    import('../server/server.js'),
    import('../server/gauges.js'),
    import('../server/metrics-port.js'),
  ]);
  const log = createLog(settings.logLevel);
  // It listens to nobody, and so needs no keys.
  const services = await openServices({ ...settings, host: '127.0.0.1' }, log, { serves: false });
  services.loaded.catch(() => {});
  const { metrics } = services;
  if (metrics !== undefined) {
    observeWorker(metrics, services);
    // What cannot be listened on is said before any work begins.
    await openMetricsPort(settings.metricsAddress, metrics).catch(async (error: unknown) => {
      await closeServices(services);
      throw error;
    });
  }
  let stopped: Promise<void> | undefined;
  const stop = () => {
    stopped ??= closeServices(services);
    return stopped;
  };
  stopOnSignals({ stop });
  process.stdout.write(`steerd ${packageVersion} works on jobs; loading ${settings.model}\n`);
  try {
    await services.loaded;
  } catch (error) {
    await stop();
    throw error;
  }
  process.stdout.write('ready: takes jobs\n');
}

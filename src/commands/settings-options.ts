/** Settings as options of a command: the flags, variables and defaults of config.ts, read back in one call. */
import { type Command, Option } from 'commander';
import { readSettings, type SettingName, type Settings, settingsTable } from '../config.js';

/**
 * Adds the flags of these settings to a command.
 * @returns reads the settings from the options that the command's action was given and from the environment
 *   (throws ConfigError); settings without a flag here come from their variable or their default.
 */
export function addSettings(
  command: Command,
  names: readonly SettingName[],
): (options: Readonly<Record<string, unknown>>) => Settings {
  const attributes = new Map<SettingName, string>();
  for (const name of names) {
    const { flag, env, fallback, help } = settingsTable[name];
    const option = new Option(flag, `${help} (${env}; default: ${fallback})`);
    attributes.set(name, option.attributeName());
    command.addOption(option);
  }
  return (options) => {
    const flags: Partial<Record<SettingName, string>> = {};
    for (const [name, attribute] of attributes) {
      const value = options[attribute];
      if (typeof value === 'string') flags[name] = value;
      else if (value === true) flags[name] = 'true';
    }
    return readSettings(process.env, flags);
  };
}

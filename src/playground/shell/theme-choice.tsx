/** A button that goes from the system's theme to light to dark. */
import { Icon, type IconName } from '../parts/icon.js';
import { chooseTheme, type Theme, theme } from '../state/theme.js';

const next: Readonly<Record<Theme, Theme>> = { system: 'light', light: 'dark', dark: 'system' };
const icons: Readonly<Record<Theme, IconName>> = { system: 'screen', light: 'sun', dark: 'moon' };
const names: Readonly<Record<Theme, string>> = { system: 'as the system says', light: 'light', dark: 'dark' };

export const ThemeChoice = () => (
  <button
    type="button"
    class="icon"
    aria-label={`Theme: ${names[theme.value]}. Change to ${names[next[theme.value]]}`}
    title={`Theme: ${names[theme.value]}`}
    onClick={() => chooseTheme(next[theme.value])}
  >
    <Icon name={icons[theme.value]} />
  </button>
);

/** Light or dark: as the system says, until somebody chooses. */
import { signal } from '@preact/signals';

export type Theme = 'system' | 'light' | 'dark';

const themes: readonly Theme[] = ['system', 'light', 'dark'];
const kept = 'steerd.theme';

function read(): Theme {
  try {
    return themes.find((one) => one === localStorage.getItem(kept)) ?? 'system';
  } catch {
    return 'system'; // Storage may be refused.
  }
}

export const theme = signal<Theme>(read());

const dark = matchMedia('(prefers-color-scheme: dark)');
const systemIsDark = signal(dark.matches);
dark.addEventListener('change', () => {
  systemIsDark.value = dark.matches;
});

/** Whether the page is dark now: what plots draw themselves by. */
export const isDark = (): boolean => (theme.value === 'system' ? systemIsDark.value : theme.value === 'dark');

theme.subscribe((value) => {
  if (value === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = value;
});

export function chooseTheme(value: Theme): void {
  theme.value = value;
  try {
    localStorage.setItem(kept, value);
  } catch {
    // Then it holds until the page is closed.
  }
}

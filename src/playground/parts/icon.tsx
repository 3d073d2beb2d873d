/** Line icons of 20 units; they say nothing by themselves, the button has the label. */
const paths = {
  close: 'M5 5l10 10M15 5L5 15',
  stop: 'M6 6h8v8H6z',
  send: 'M10 16V4M5 9l5-5 5 5',
  again: 'M15.5 10a5.5 5.5 0 1 1-1.7-4M15.5 3v3.5H12',
  copy: 'M7 7h9v9H7zM4 13V4h9',
  code: 'M7 5l-5 5 5 5M13 5l5 5-5 5',
  link: 'M8.5 11.5a3 3 0 0 0 4.2 0l3-3a3 3 0 0 0-4.2-4.2l-1 1M11.5 8.5a3 3 0 0 0-4.2 0l-3 3a3 3 0 0 0 4.2 4.2l1-1',
  search: 'M9 3.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11M13 13l4 4',
  eye: 'M2 10s3-5.5 8-5.5 8 5.5 8 5.5-3 5.5-8 5.5S2 10 2 10M10 7.8a2.2 2.2 0 1 0 0 4.4 2.2 2.2 0 0 0 0-4.4',
  sun: 'M10 6.5a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7M10 1.5v2M10 16.5v2M1.5 10h2M16.5 10h2M4 4l1.4 1.4M14.6 14.6L16 16M4 16l1.4-1.4M14.6 5.4L16 4',
  moon: 'M16.5 12A7 7 0 0 1 8 3.500a7 7 0 1 0 8.500 8.500',
  screen: 'M3 4h14v9H3zM7 17h6M10 13v4',
  pencil: 'M4 16l.8-3.500L13 4.300l2.700 2.700L7.500 15.200zM11 6.300L13.700 9',
  trash: 'M4 6h12M8 6V4h4v2M6 6l.7 10h6.600L14 6',
  download: 'M10 3v9M6 9l4 4 4-4M4 16.500h12',
  check: 'M4 10.500l4 4 8-9',
} as const;

export type IconName = keyof typeof paths;

export const Icon = ({ name }: { readonly name: IconName }) => (
  <svg class="glyph" viewBox="0 0 20 20" width="20" height="20" aria-hidden="true" focusable="false">
    <path d={paths[name]} />
  </svg>
);

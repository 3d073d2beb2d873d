import { Page } from '../parts/page.js';

export default function Sweep() {
  return <Page title="Sweep">…</Page>;
}

import { Page } from '../parts/page.js';

export default function Library() {
  return <Page title="Library">…</Page>;
}

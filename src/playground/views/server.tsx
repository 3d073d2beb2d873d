import { Page } from '../parts/page.js';

export default function Server() {
  return <Page title="Server">…</Page>;
}

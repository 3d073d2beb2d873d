import { Page } from '../parts/page.js';

export default function Make() {
  return <Page title="Make">…</Page>;
}

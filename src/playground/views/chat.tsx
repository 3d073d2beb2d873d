import { Page } from '../parts/page.js';

export default function Chat() {
  return <Page title="Chat">…</Page>;
}

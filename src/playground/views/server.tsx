/** Server: how busy it is, its models, bringing more of them, and its keys. */
import { Page } from '../parts/page.js';
import { usePolled } from '../parts/polled.js';
import { Bring } from '../server/bring.js';
import { Keys } from '../server/keys.js';
import { LoadCards } from '../server/load.js';
import { ModelCards } from '../server/models.js';
import { refreshModels } from '../state/library.js';

/** Milliseconds: models come and go by what others ask for. */
const pause = 5000;

export default function Server() {
  // What goes wrong here, the load below tells.
  usePolled(refreshModels, pause);
  return (
    <Page title="Server" lead="What this server runs, and what it takes for that.">
      <LoadCards />
      <ModelCards />
      <Bring />
      <Keys />
    </Page>
  );
}

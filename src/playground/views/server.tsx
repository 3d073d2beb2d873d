/** Server: how busy it is, its models, and bringing more of them. */
import { hasKey } from '../api/key.js';
import { Page } from '../parts/page.js';
import { usePolled } from '../parts/polled.js';
import { Bring } from '../server/bring.js';
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
      <section class="stack-tight" aria-label="Keys">
        <h2>Keys</h2>
        <p class="hint">
          {hasKey.value
            ? 'This page uses the key that you gave, and forgets it when it is closed.'
            : 'This page uses no key.'}{' '}
          Keys are made and taken back on the server’s own machine, never over the network:{' '}
          <code>steerd keys add</code>, <code>steerd keys list</code>, <code>steerd keys revoke</code>.
        </p>
      </section>
    </Page>
  );
}

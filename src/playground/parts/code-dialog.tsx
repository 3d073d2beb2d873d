/** The request behind what one sees, as code to take along. */
import { useState } from 'preact/hooks';
import { serverUrl } from '../api/client.js';
import { hasKey } from '../api/key.js';
import { copy } from './clipboard.js';
import { type ApiCall, asCode, type Language, languages } from './code.js';
import { Dialog } from './dialog.js';
import { Icon } from './icon.js';
import { Tabs } from './tabs.js';

interface CodeDialogProps {
  readonly call: ApiCall;
  readonly onClose: () => void;
}

export function CodeDialog({ call, onClose }: CodeDialogProps) {
  const [language, setLanguage] = useState<Language>('curl');
  const code = asCode(language, call, serverUrl(), hasKey.value);
  return (
    <Dialog
      title="The same request as code"
      wide
      onClose={onClose}
      actions={
        <button type="button" class="primary" onClick={() => void copy(code, 'The code')}>
          <Icon name="copy" /> Copy
        </button>
      }
    >
      <Tabs label="Language" tabs={languages} chosen={language} onChoose={setLanguage}>
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so keyboards must reach it */}
        <pre class="code" tabIndex={0}>
          <code>{code}</code>
        </pre>
      </Tabs>
    </Dialog>
  );
}

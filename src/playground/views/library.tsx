/** Library: every concept as a card, what was measured on each, export, import, rename, delete with undo; and how alike they are. */
import { useState } from 'preact/hooks';
import { announceCount, type CardAction, ConceptCard, cardSize } from '../library/concept-card.js';
import { ConceptDialog } from '../library/concept-dialog.js';
import { ExportDialog } from '../library/export-dialog.js';
import { ImportDialog } from '../library/import-dialog.js';
import { removeConcept } from '../library/removal.js';
import { RenameDialog } from '../library/rename-dialog.js';
import { Similarity } from '../library/similarity.js';
import { findConcepts } from '../parts/concept-picker.js';
import { Page } from '../parts/page.js';
import { Tabs } from '../parts/tabs.js';
import { VirtualGrid } from '../parts/virtual-grid.js';
import { allConcepts, type ConceptSummary, libraryState } from '../state/library.js';
import { href } from '../state/route.js';

const parts = ['Concepts', 'Similarity'] as const;

interface Open {
  readonly concept: ConceptSummary;
  readonly action: CardAction;
}

export default function Library() {
  const [part, setPart] = useState<(typeof parts)[number]>('Concepts');
  const [open, setOpen] = useState<Open | null>(null);
  const [importing, setImporting] = useState(false);
  const close = () => setOpen(null);
  return (
    <Page
      title="Library"
      lead="Every concept that this server holds: those that come with a model, and yours."
      wide
      actions={
        <>
          <button type="button" onClick={() => setImporting(true)}>
            Import a file
          </button>
          <a class="button" href={href('make')}>
            Make one
          </a>
        </>
      }
    >
      <Tabs label="Parts of the library" tabs={parts} chosen={part} onChoose={setPart}>
        {part === 'Concepts' ? (
          <Concepts
            onAct={(concept, action) =>
              action === 'delete' ? void removeConcept(concept) : setOpen({ concept, action })
            }
          />
        ) : (
          <Similarity />
        )}
      </Tabs>
      {open?.action === 'show' && <ConceptDialog concept={open.concept} onClose={close} />}
      {open?.action === 'export' && <ExportDialog concept={open.concept} onClose={close} />}
      {open?.action === 'rename' && <RenameDialog concept={open.concept} onClose={close} />}
      {importing && <ImportDialog onClose={() => setImporting(false)} />}
    </Page>
  );
}

interface ConceptsProps {
  readonly onAct: (concept: ConceptSummary, action: CardAction) => void;
}

function Concepts({ onAct }: ConceptsProps) {
  const [typed, setTyped] = useState('');
  const found = findConcepts(allConcepts.value, typed);
  return (
    <div class="stack">
      <label class="field library-search">
        <span>Search by name or message</span>
        <input
          type="search"
          value={typed}
          onInput={({ currentTarget }) => {
            setTyped(currentTarget.value);
            announceCount(findConcepts(allConcepts.value, currentTarget.value).length);
          }}
        />
      </label>
      {libraryState.value === 'ready' && found.length === 0 && (
        <p class="quiet-text">{typed === '' ? 'There is no concept yet.' : `Nothing is like “${typed}”.`}</p>
      )}
      <VirtualGrid
        label="Concepts"
        items={found}
        keyOf={({ model, name }) => `${model} ${name}`}
        {...cardSize}
        render={(concept) => <ConceptCard concept={concept} onAct={(action) => onAct(concept, action)} />}
      />
    </div>
  );
}

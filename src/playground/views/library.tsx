/** Library: every concept as a card; export, import, delete with undo, and what was measured on one. */
import { useState } from 'preact/hooks';
import { announceCount, ConceptCard } from '../library/concept-card.js';
import { ConceptDialog } from '../library/concept-dialog.js';
import { ImportDialog } from '../library/import-dialog.js';
import { hidden } from '../library/removal.js';
import { findConcepts } from '../parts/concept-picker.js';
import { Page } from '../parts/page.js';
import { allConcepts, type ConceptSummary, libraryState } from '../state/library.js';
import { href } from '../state/route.js';

export default function Library() {
  const [typed, setTyped] = useState('');
  const [shown, setShown] = useState<ConceptSummary | null>(null);
  const [importing, setImporting] = useState(false);
  const there = allConcepts.value.filter(({ model, name }) => !hidden.value.has(`${model} ${name}`));
  const found = findConcepts(there, typed);
  return (
    <Page
      title="Library"
      lead="Every concept that this server holds. Shipped ones come with the model; yours can be exported, and deleted."
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
      <label class="field library-search">
        <span>Search by name or message</span>
        <input
          type="search"
          value={typed}
          onInput={({ currentTarget }) => {
            setTyped(currentTarget.value);
            announceCount(findConcepts(there, currentTarget.value).length);
          }}
        />
      </label>
      {libraryState.value === 'ready' && found.length === 0 && (
        <p class="quiet-text">{typed === '' ? 'There is no concept yet.' : `Nothing is like “${typed}”.`}</p>
      )}
      <ul class="library" aria-label="Concepts">
        {found.map((one) => (
          <ConceptCard key={`${one.model} ${one.name}`} concept={one} onShow={() => setShown(one)} />
        ))}
      </ul>
      {shown !== null && <ConceptDialog concept={shown} onClose={() => setShown(null)} />}
      {importing && <ImportDialog onClose={() => setImporting(false)} />}
    </Page>
  );
}

/** All that a concept's fit and its calibration measured. */
import type { ConceptObject } from '../../schemas/concepts.js';
import { strengthText } from '../parts/slider.js';
import { Attention } from './attention.js';
import { curveOf, layersOf, summaryOf } from './figures.js';
import { Overlap } from './overlap.js';
import { LayerPlot, StrengthPlot } from './plots.js';
import { Samples } from './samples.js';
import { SideEffects } from './side-effects.js';

export function Figures({ concept }: { readonly concept: ConceptObject }) {
  const curve = curveOf(concept);
  const layers = layersOf(concept);
  const { scores, max, onset, suppressed } = summaryOf(concept);
  const facts = [
    ...scores.map(({ name, value }) => [name === 'harmonic' ? 'together' : name, value.toFixed(2)] as const),
    ...(onset === null ? [] : [['shows from', strengthText(Number(onset.toFixed(2)))] as const]),
    ...(max === null ? [] : [['max', strengthText(Number(max.toFixed(2)))] as const]),
    ...(suppressed === null ? [] : [['taken out at −1', `${Math.round(100 * suppressed)} %`] as const]),
  ];
  return (
    <div class="stack figures">
      {concept.prefix !== '' && <p class="figures-prefix">{concept.prefix}</p>}
      {(concept.warnings ?? []).map((warning) => (
        <p key={warning} class="notice notice-warn">
          {warning}
        </p>
      ))}
      {facts.length > 0 && (
        <dl class="facts number" aria-label="At strength 1">
          {facts.map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ))}
        </dl>
      )}
      {curve.points.length === 0 && (
        <p class="notice">It is not calibrated: its strength 1 is a rule of thumb, and nobody measured it.</p>
      )}
      <Samples concept={concept} />
      {curve.points.length > 1 && (
        <section class="stack-tight" aria-label="By strength">
          <h3>By strength</h3>
          <StrengthPlot curve={curve} max={max} />
        </section>
      )}
      {layers.length > 0 && (
        <section class="stack-tight" aria-label="By layer">
          <h3>By layer</h3>
          <LayerPlot layers={layers} />
        </section>
      )}
      <Attention concept={concept} />
      <div class="grid-two">
        <SideEffects concept={concept} />
        <Overlap concept={concept} />
      </div>
      <p class="hint">
        Recipe {concept.recipe}, method {concept.method.replaceAll('_', ' ')}, seed {concept.seed}, version{' '}
        <code title={concept.version}>{concept.version.slice(0, 12)}</code>
      </p>
    </div>
  );
}

/** A concept with all that its fit and its calibration measured. */
import type { ConceptObject } from '../../schemas/concepts.js';
import { Dialog } from '../parts/dialog.js';
import { PlotFigure } from '../parts/plot.js';
import { strengthText } from '../parts/slider.js';
import type { ConceptSummary } from '../state/library.js';
import { type CurvePoint, curveOf, layersOf, samplesOf } from './figures.js';
import { useConcept } from './use-concept.js';

interface ConceptDialogProps {
  readonly concept: Pick<ConceptSummary, 'name' | 'model'>;
  readonly onClose: () => void;
}

export function ConceptDialog({ concept: { name, model }, onClose }: ConceptDialogProps) {
  const concept = useConcept(name, model);
  return (
    <Dialog title={name} wide onClose={onClose}>
      {concept === null && <p class="quiet-text">Loading…</p>}
      {concept !== null && 'error' in concept && (
        <p class="notice notice-failed" role="alert">
          {concept.error}
        </p>
      )}
      {concept !== null && 'prefix' in concept && <Figures concept={concept} />}
    </Dialog>
  );
}

export function Figures({ concept }: { readonly concept: ConceptObject }) {
  const curve = curveOf(concept);
  const layers = layersOf(concept);
  const samples = samplesOf(concept);
  return (
    <div class="stack">
      {concept.prefix !== '' && <p>{concept.prefix}</p>}
      {(concept.warnings ?? []).map((warning) => (
        <p key={warning} class="notice notice-warn">
          {warning}
        </p>
      ))}
      {samples.map(({ question, plain, steered, strength }) => (
        <div key={question} class="stack-tight">
          <p class="question">{question}</p>
          <div class="grid-two">
            <div class="card">
              <p class="label">plain</p>
              <p>{plain}</p>
            </div>
            <div class="card">
              <p class="label">strength {strengthText(strength)}</p>
              <p>{steered}</p>
            </div>
          </div>
        </div>
      ))}
      {curve.length > 1 && <StrengthCurve curve={curve} max={concept.max_strength} />}
      {layers.length > 0 && <LayerCurve layers={layers} />}
      {curve.length === 0 && (
        <p class="quiet-text">It is not calibrated: nothing says how strong its strength 1 is.</p>
      )}
    </div>
  );
}

interface StrengthCurveProps {
  readonly curve: readonly CurvePoint[];
  readonly max: number | undefined;
}

function StrengthCurve({ curve, max }: StrengthCurveProps) {
  const parts = [
    ['concept', 'concept shown (C)'],
    ['fluency', 'fluency (F)'],
    ['harmonic', 'together (H)'],
  ] as const;
  const rows = curve.flatMap((point) =>
    parts.map(([part, what]) => ({ strength: point.strength, value: point[part], what })),
  );
  const marks = [1, ...(max !== undefined && max !== 1 ? [max] : [])];
  return (
    <PlotFigure
      label={`Concept, fluency and both together at ${curve.length} strengths`}
      height={240}
      caption="How much of the concept shows, how fluent the answers stay, and their harmonic mean with answering the question. Lines: strength 1 and max."
      data={curve}
      draw={(plot) => ({
        y: { domain: [0, 1], label: null, grid: true },
        x: { label: 'strength' },
        color: { legend: true },
        marks: [
          plot.ruleX(marks, { strokeDasharray: '3 3', strokeOpacity: 0.6 }),
          plot.line(rows, { x: 'strength', y: 'value', stroke: 'what', sort: 'strength' }),
          plot.dot(rows, { x: 'strength', y: 'value', fill: 'what' }),
        ],
      })}
    />
  );
}

interface LayerCurveProps {
  readonly layers: ReturnType<typeof layersOf>;
}

const LayerCurve = ({ layers }: LayerCurveProps) => (
  <PlotFigure
    label="By layer: AUROC of told against neutral tokens, and the correlation of the fit on held-out data"
    height={220}
    caption="By layer: how well the projection tells answers of the told model from neutral ones (0.5 is chance), and how well the fit held on data it had not seen."
    data={layers}
    draw={(plot) => ({
      y: { domain: [0, 1], label: null, grid: true },
      x: { label: 'layer' },
      color: { legend: true },
      marks: [plot.line(layers, { x: 'layer', y: 'value', stroke: 'what' })],
    })}
  />
);

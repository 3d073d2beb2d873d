/** The report as one HTML file: text, tables and SVG, no script and no address, so that it works from a file and in print. */
import { builtIn } from '../summary.js';
import type { Example, Group, ReportData } from './data.js';
import type { Figure } from './drawing.js';
import { legendOf } from './figures.js';
import { comparedRows, differences, paper } from './paper.js';
import { isTold, judgeWords, leadOf, shownClasses, unreachedIn, wholeOf } from './said.js';
import { style } from './style.js';

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Text of anybody inside HTML; control characters but line ends are shown. */
export const escaped = (text: string): string =>
  text.replace(/[&<>"']/g, (sign) => entities[sign] as string).replace(/[^\P{Cc}\n\t]/gu, '\ufffd');

export function reportHtml(data: ReportData, figures: readonly Figure[]): string {
  const { run } = data;
  const title = `Steering benchmark of ${run.model.id}`;
  const date = new Date(run.started_at * 1000).toISOString().slice(0, 10);
  const body = [
    `<header><h1>${escaped(title)}</h1><p class="lead">${escaped(leadOf(data))}</p><p class="quiet">Begun ${date}, by steerd ${escaped(run.versions.steerd)}.</p></header>`,
    section('table', 'Success by method', successTables(data)),
    ...figures.filter(({ id }) => id.startsWith('success-')).map(figureHtml),
    ...figures.filter(({ id }) => id === 'beside').map(figureHtml),
    section('differences', 'Differences in numbers', besideTable(data)),
    section('paper', 'Beside the paper', paperTable(data)),
    figures.some(({ id }) => id.startsWith('strength-')) ? legend(data) : '',
    ...figures.filter(({ id }) => !id.startsWith('success-') && id !== 'beside').map(figureHtml),
    section('side-effects-neutral', 'Neutral text', neutralTable(data)),
    section('anti', 'Anti-steerable concepts', unreached(data)),
    section('examples', 'Answers at strength 1', examples(data)),
    section('failed', 'Fits that failed', failures(data)),
    section('record', 'The record', record(data)),
  ];
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<link rel="icon" href="data:,">
<title>${escaped(title)}</title>
<style>${style}</style>
</head>
<body>
<main>
${body.filter((part) => part !== '').join('\n')}
</main>
</body>
</html>
`;
}

const section = (id: string, title: string, inner: string): string =>
  inner === '' ? '' : `<section id="${id}"><h2>${escaped(title)}</h2>\n${inner}</section>`;

const figureHtml = ({ id, title, caption, svg }: Figure): string =>
  section(
    escaped(id.replace(/[^\w-]+/g, '-')),
    title,
    `<figure><div class="scroll">${svg}</div><figcaption>${escaped(caption)}</figcaption></figure>`,
  );

function table(headings: readonly string[], rows: readonly (readonly (string | Html)[])[]): string {
  const cell = (value: string | Html) => (typeof value === 'string' ? escaped(value) : value.html);
  const head = headings.map((heading) => `<th scope="col">${escaped(heading)}</th>`).join('');
  const body = rows
    .map(
      ([first = '', ...rest]) =>
        `<tr><th scope="row">${cell(first)}</th>${rest.map((value) => `<td>${cell(value)}</td>`).join('')}</tr>`,
    )
    .join('\n');
  return `<div class="scroll"><table><thead><tr>${head}</tr></thead><tbody>\n${body}\n</tbody></table></div>`;
}

interface Html {
  readonly html: string;
}

const number = (value: number | null | undefined, digits = 2): string =>
  value == null ? '–' : value.toFixed(digits);
const withInterval = (value: Group['fixed']): Html => ({
  html:
    value === null
      ? '–'
      : `${number(value.mean)} <span class="interval">${number(value.low)} to ${number(value.high)}</span>`,
});

function successTables(data: ReportData): string {
  const shown = shownClasses(data.classes);
  return data.judges
    .map((judge) => {
      const groups = data.groups.filter((group) => group.judge === judge);
      const ways = [...new Set(groups.map(({ variant }) => variant))];
      const of = (variant: string, className: string) =>
        groups.find((group) => group.variant === variant && group.class === className);
      const marked = groups.some(({ harmonic }) => harmonic !== null);
      const rows = ways.flatMap((variant) => {
        const cells = (part: 'fixed' | 'oracle' | 'harmonic') =>
          shown.map((className) => withInterval(of(variant, className)?.[part] ?? null));
        const steered = variant !== 'plain' && variant !== 'told';
        return [
          [variant, steered ? 'strength 1' : 'as it is', ...cells('fixed')],
          ...(steered ? [[{ html: '' }, 'best point', ...cells('oracle')]] : []),
          ...(marked ? [[{ html: '' }, 'three marks, of 2', ...cells('harmonic')]] : []),
        ];
      });
      return `<h3>Judged by ${escaped(judgeWords(judge))}</h3>${table(['way', 'at', ...shown], rows)}`;
    })
    .join('\n');
}

/** Success and H of all classes; differences.csv has every measure and class. */
function besideTable({ beside, classes }: ReportData): string {
  const rows = beside.filter((row) => row.class === wholeOf(classes) && isTold(row));
  const [first] = rows;
  if (first === undefined) return '';
  return `<p>Against “${escaped(first.base)}”, concept by concept. Success is a share of answers, H the harmonic mean of three scores.</p>${table(
    ['changed', 'judged by', 'of', 'at', 'concepts', 'first', 'this', 'difference'],
    rows.map(({ changed, judge, measure, at, base_mean, variant_mean, difference }) => [
      changed,
      judgeWords(judge),
      measure === 'success' ? measure : judge === builtIn ? 'H' : 'three marks, of 2',
      at === 'fixed' ? 'strength 1' : 'best point',
      String(difference.n),
      number(base_mean),
      number(variant_mean),
      withInterval(difference),
    ]),
  )}`;
}

function paperTable(data: ReportData): string {
  const rows = comparedRows(data).map(({ what, model, concepts, fixed, oracle }) => [
    what,
    model,
    String(concepts),
    withInterval(fixed),
    typeof oracle === 'string' ? oracle : withInterval(oracle),
  ]);
  const words = differences(data)
    .map((sentence) => `<li>${escaped(sentence)}</li>`)
    .join('\n');
  return `${table(['', 'model', 'concepts', 'strength 1', 'best point'], rows)}
<p>The paper is ${escaped(`“${paper.title}”, ${paper.where}`)}. These numbers are not of the same thing:</p>
<ul>${words}</ul>`;
}

const legend = (data: ReportData): string =>
  `<p class="legend">${legendOf(data)
    .map(
      ({ name, colour, dash }) =>
        `<span><svg width="34" height="10" aria-hidden="true"><line x1="1" x2="33" y1="5" y2="5" stroke="${colour}" stroke-width="2.5"${dash === '' ? '' : ` stroke-dasharray="${dash}"`}/></svg> ${escaped(name)}</span>`,
    )
    .join(' ')}</p>`;

function neutralTable({ side_effects: rows }: ReportData): string {
  if (rows.length === 0) return '';
  return `<p>How much likelier neutral prose becomes, in nats per token (less than 0: less likely).</p>${table(
    ['way', 'strength', 'fits', 'neutral text', 'facts right', 'valid JSON'],
    rows.map(({ variant, strength, fits, neutral, facts, json }) => [
      variant,
      strength,
      String(fits),
      number(neutral, 3),
      number(facts),
      number(json),
    ]),
  )}`;
}

/** Concepts that are told in a row: a report of 512 must stay readable, and concepts.csv has them all. */
const mostListed = 60;

function unreached(data: ReportData): string {
  const { rows, of, told } = unreachedIn(data);
  const why = '<p>At no measured point, in no way, do more answers succeed than without steering.';
  if (rows.length === 0) return `${why} There is none.</p>`;
  const more =
    rows.length > mostListed ? `<p>And ${rows.length - mostListed} more, in concepts.csv.</p>` : '';
  return `${why} So it is with ${rows.length} of ${of}; of these the model shows ${told} when it is simply told.</p>${table(
    ['concept', 'class', 'unsteered', 'told', 'weak by calibration'],
    rows
      .slice(0, mostListed)
      .map(({ concept, class: className, plain, told: whenTold, weak }) => [
        concept,
        className,
        number(plain),
        number(whenTold),
        weak === null ? '–' : weak ? 'yes' : 'no',
      ]),
  )}${more}`;
}

function examples({ examples: { good, bad, drawn } }: ReportData): string {
  const list = (title: string, some: readonly Example[]) =>
    some.length === 0
      ? ''
      : `<h3>${escaped(title)}</h3>${some
          .map(
            ({ variant, concept, class: className, prompt, answer, success, harmonic }) =>
              `<article><p class="quiet">${escaped(`${concept} (${className}), ${variant}, H ${number(harmonic)}, ${success ? 'succeeds' : 'fails'}`)}</p><p><strong>${escaped(prompt)}</strong></p><blockquote>${escaped(answer)}</blockquote></article>`,
          )
          .join('\n')}`;
  return (
    list('Drawn among all', drawn) + list('The best that succeed', good) + list('The worst that fail', bad)
  );
}

function failures({ concepts, judges: [judge] }: ReportData): string {
  const failed = concepts.filter((row) => row.judge === judge && row.error !== null);
  if (failed.length === 0) return '';
  return table(
    ['concept', 'class', 'way', 'why'],
    failed
      .slice(0, mostListed)
      .map(({ concept, class: className, variant, error }) => [concept, className, variant, error ?? '']),
  );
}

function record(data: ReportData): string {
  const { run, seconds, counts } = data;
  const rows: [string, string][] = [
    ['model', `${run.model.id}, fingerprint ${run.model.fingerprint ?? 'unknown'}`],
    ['plan', run.plan],
    [
      'versions',
      `steerd ${run.versions.steerd}, Node.js ${run.versions.node}, ONNX Runtime ${run.versions.onnxruntime ?? 'unknown'}`,
    ],
    [
      'machine',
      `${run.machine.cpu}, ${run.machine.cores} cores, ${(run.machine.memory_bytes / 1024 ** 3).toFixed(1)} GiB, ${run.machine.platform}${run.machine.server === null ? '' : `, asked ${run.machine.server}`}`,
    ],
    [
      'work',
      `${counts.fits} fits in ${seconds.fits} s, ${counts.answers} answers in ${seconds.answers} s, ${counts.judgements} judgements in ${seconds.judging} s and ${data.judge_tokens} tokens of the judge`,
    ],
    ['seeds', `${run.options.seed}; of answers ${run.options.seeds.join(', ')}`],
    ['points', run.points.map(({ scale, value }) => `${scale} ${value}`).join(', ')],
  ];
  const fold = (title: string, value: unknown) =>
    `<details><summary>${escaped(title)}</summary><pre>${escaped(JSON.stringify(value, null, 1))}</pre></details>`;
  return `${table(['', ''], rows)}
${fold('Options', run.options)}
${fold('Ways to make vectors', run.variants)}
${fold('Test prompts', run.texts.prompts)}
${fold('What the judge is asked', run.texts.judge_prompts)}
${fold(
  'Concepts',
  run.concepts.map(({ name, class: className, prefix }) => `${className}/${name}: ${prefix}`),
)}
${fold('Decoys', run.texts.decoys)}
<p class="quiet">Beside this file: report.json and CSV files with every number here; run.json and records.jsonl, from which all of them are computed.</p>`;
}

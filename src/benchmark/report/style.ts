/** The style of a report: on white, readable in print. */
export const style = `
:root { color: #1c2733; background: #fff; font: 16px/1.55 system-ui, -apple-system, "Segoe UI", sans-serif; }
body { margin: 0; }
main { max-width: 60rem; margin: 0 auto; padding: 2rem 1.25rem 4rem; }
h1 { font-size: 1.7rem; line-height: 1.25; margin: 0 0 .5rem; }
h2 { font-size: 1.25rem; margin: 2.5rem 0 .6rem; }
h3 { font-size: 1rem; margin: 1.4rem 0 .4rem; }
.lead { font-size: 1.1rem; }
.quiet, figcaption, .interval { color: #55616f; }
figure { margin: 0; }
figcaption { font-size: .9rem; max-width: 46rem; margin-top: .4rem; }
.scroll { overflow-x: auto; }
svg { max-width: none; height: auto; }
table { border-collapse: collapse; font-size: .88rem; font-variant-numeric: tabular-nums; }
th, td { text-align: left; vertical-align: top; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid #dde3ea; }
thead th { border-bottom: 2px solid #9aa5b1; }
tbody th { font-weight: 600; }
td:last-child, th:last-child { padding-right: 0; }
.interval { display: block; font-size: .8rem; }
.legend span { display: inline-block; margin-right: 1.2rem; white-space: nowrap; font-size: .9rem; }
article { margin: 0 0 1.1rem; break-inside: avoid; }
article p { margin: 0; }
blockquote { margin: .2rem 0 0; padding-left: .9rem; border-left: 3px solid #dde3ea; white-space: pre-wrap; overflow-wrap: anywhere; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; font-size: .8rem; }
summary { cursor: pointer; }
@media print {
  main { max-width: none; padding: 0; }
  section, figure, tr { break-inside: avoid; }
  #record, #examples, #table, #anti { break-inside: auto; }
  .scroll { overflow: visible; }
  svg { max-width: 100%; }
  @page { margin: 16mm 14mm; }
}
`;

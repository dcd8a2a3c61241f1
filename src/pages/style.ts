/** The one style sheet of hosted pages: within the page itself, so that nothing else has to be loaded. */
export const style = `
:root {
  color-scheme: light dark;
  --ground: #f4f5f8; --surface: #fff; --ink: #12151c; --muted: #565e70; --line: #868fa1; --hair: #dfe3ea;
  --accent: #2440c4; --accent-press: #1b319c; --on-accent: #fff; --ring: #5b74f5;
  --bad: #b3261e; --bad-ground: #fdf1f0; --good: #0c7a4a; --good-ground: #e6f5ed; --soft: #e9ecfb; --warn: #7a4b00; --warn-ground: #fdf3dc;
  --shadow: 0 1px 2px rgb(18 21 28 / .06), 0 12px 32px -12px rgb(18 21 28 / .18);
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #0e1014; --surface: #171a21; --ink: #f1f3f7; --muted: #a6aebd; --line: #6b7485; --hair: #2a2f3a;
    --accent: #9db0ff; --accent-press: #bcc9ff; --on-accent: #0d1330; --ring: #5a74ff;
    --bad: #ff9a90; --bad-ground: #2c1a19; --good: #6fd6a1; --good-ground: #12281d; --soft: #20263f; --warn: #f2c879; --warn-ground: #2a2211;
    --shadow: 0 0 0 1px #22262f;
  }
}
*, *::before, *::after { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Helvetica Neue", Arial, sans-serif; -webkit-font-smoothing: antialiased; overflow-wrap: break-word; }
h1, p, ul { margin: 0; padding: 0; }
h1 { font-size: 1.5rem; line-height: 1.25; letter-spacing: -.015em; font-weight: 650; text-wrap: balance; }
a { color: var(--accent); text-underline-offset: .2em; }
:focus-visible { outline: 3px solid var(--ring); outline-offset: 2px; border-radius: .375rem; }
.hidden-text { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }

.page { min-height: 100vh; min-height: 100dvh; display: flex; flex-direction: column; padding: 1.25rem 1rem 1rem; }
main { width: 100%; max-width: 28rem; margin: 0 auto; flex: 1; }
.merchant { display: flex; flex-wrap: wrap; align-items: center; gap: .375rem .625rem; font-weight: 600; }
.merchant bdi { min-width: 0; overflow-wrap: anywhere; }
.avatar { flex: none; display: grid; place-items: center; width: 2.25rem; height: 2.25rem; border-radius: .625rem; background: var(--accent); color: var(--on-accent); font-weight: 650; }
.badge { flex: none; padding: .125rem .5rem; border-radius: 1rem; background: var(--warn-ground); color: var(--warn); font-size: .8125rem; font-weight: 600; white-space: nowrap; }
.intro { padding: 0 .25rem; }
.intro h1 { margin: 1.5rem 0 .5rem; }
.lead { color: var(--muted); text-wrap: pretty; }
.points { list-style: none; display: none; }
.panel { margin-top: 1.5rem; padding: 1.25rem; background: var(--surface); border-radius: 1rem; box-shadow: var(--shadow); }

.field { margin-bottom: 1.125rem; min-width: 0; }
label { display: flex; flex-wrap: wrap; justify-content: space-between; align-items: baseline; gap: 0 .5rem; margin-bottom: .375rem; font-size: .9375rem; font-weight: 550; }
.optional { color: var(--muted); font-weight: 400; font-size: .875rem; }
.control { position: relative; }
input { width: 100%; height: 3rem; padding: 0 .875rem; border: 1px solid var(--line); border-radius: .625rem; background: var(--surface); color: inherit; font: inherit; font-size: 1.0625rem; font-variant-numeric: tabular-nums; appearance: none; transition: border-color .12s, box-shadow .12s; }
input::placeholder { color: var(--muted); opacity: .85; }
input:focus { outline: 3px solid var(--ring); outline-offset: -1px; border-color: transparent; }
input[aria-invalid=true] { border-color: var(--bad); border-width: 2px; background: var(--bad-ground); }
#number { padding-right: 3.75rem; letter-spacing: .015em; }
.marks { position: absolute; right: .75rem; top: 50%; width: 2.25rem; height: 1.5rem; transform: translateY(-50%); pointer-events: none; }
.marks svg { position: absolute; inset: 0; width: 100%; height: 100%; opacity: 0; transition: opacity .15s; }
.marks:not([data-brand]) .mark-none, .marks[data-brand=""] .mark-none,
.marks[data-brand=visa] .mark-visa, .marks[data-brand=mastercard] .mark-mastercard, .marks[data-brand=amex] .mark-amex,
.marks[data-brand=mir] .mark-mir, .marks[data-brand=unionpay] .mark-unionpay { opacity: 1; }
.mark-none { color: var(--muted); }
.error { display: flex; gap: .375rem; margin-top: .375rem; color: var(--bad); font-size: .9375rem; line-height: 1.4; }
.error:empty { display: none; }
.error::before { content: "!"; flex: none; display: grid; place-items: center; width: 1.125rem; height: 1.125rem; margin-top: .1rem; border-radius: 50%; background: var(--bad); color: var(--surface); font-size: .8125rem; font-weight: 700; line-height: 1; }
.hint { margin-top: .375rem; color: var(--muted); font-size: .9375rem; line-height: 1.4; }
.summary { margin-bottom: 1.125rem; padding: .75rem .875rem; border-radius: .625rem; background: var(--bad-ground); border-left: 4px solid var(--bad); font-size: .9375rem; }
.summary strong { display: block; color: var(--bad); font-weight: 650; }
.test { margin-bottom: 1.125rem; padding: .625rem .875rem; border-radius: .625rem; background: var(--warn-ground); color: var(--warn); font-size: .9375rem; }
.test code { font: inherit; font-variant-numeric: tabular-nums; white-space: nowrap; font-weight: 600; }

.button { display: block; width: 100%; min-height: 3.125rem; padding: .75rem 1rem; border: 0; border-radius: .75rem; background: var(--accent); color: var(--on-accent); font: inherit; font-size: 1.0625rem; font-weight: 620; text-align: center; text-decoration: none; text-wrap: balance; cursor: pointer; transition: background-color .12s, transform .06s; }
.button:hover, .button:active { background: var(--accent-press); }
.button:active { transform: translateY(1px); }
.button[aria-disabled=true] { opacity: .75; cursor: progress; }
.safe { display: flex; justify-content: center; gap: .5rem; margin-top: .875rem; color: var(--muted); font-size: .875rem; line-height: 1.4; text-wrap: balance; }
.safe svg, .points svg { flex: none; width: 1.125rem; height: 1.125rem; margin-top: .1em; fill: none; stroke: currentColor; stroke-width: 1.75; stroke-linecap: round; stroke-linejoin: round; }
.away { margin: .75rem 0 -.5rem; text-align: center; }
.away a, .languages a, .languages span { display: inline-block; padding: .5rem .375rem; }

footer { margin-top: 1.5rem; padding-bottom: env(safe-area-inset-bottom); font-size: .9375rem; }
.languages { display: flex; flex-wrap: wrap; justify-content: center; gap: 0 .75rem; color: var(--muted); }
.languages a { color: var(--muted); text-decoration: none; }
.languages a:hover { text-decoration: underline; }
.languages span { color: var(--ink); font-weight: 600; }

.notice { display: flex; flex-direction: column; justify-content: center; }
.notice .merchant { justify-content: center; }
.notice .panel { padding: 2rem 1.5rem; text-align: center; }
.notice p + p { margin-top: .5rem; }
.notice .panel p { color: var(--muted); text-wrap: balance; }
.notice .panel .saved-card { color: var(--ink); font-weight: 600; font-variant-numeric: tabular-nums; }
.notice h1 { margin-bottom: .625rem; }
.notice .button { margin-top: 1.5rem; }
.sign { display: inline-grid; place-items: center; width: 3.5rem; height: 3.5rem; margin-bottom: 1.25rem; border-radius: 50%; background: var(--soft); color: var(--accent); }
.sign svg { width: 2rem; height: 2rem; fill: none; stroke: currentColor; stroke-width: 2.25; stroke-linecap: round; stroke-linejoin: round; }
.sign.done { background: var(--good-ground); color: var(--good); }
.sign.stopped { background: var(--warn-ground); color: var(--warn); }

.bill { max-width: 34rem; }
.bill .state { display: inline-block; margin-bottom: .75rem; padding: .125rem .625rem; border-radius: 1rem; background: var(--soft); color: var(--accent); font-size: .9375rem; font-weight: 600; }
.bill .state.paid { background: var(--good-ground); color: var(--good); }
.bill .state.expired, .bill .state.cancelled { background: var(--warn-ground); color: var(--warn); }
.bill .sum { margin: .375rem 0 .75rem; font-size: 1.75rem; font-weight: 650; font-variant-numeric: tabular-nums; }
.bill dl { margin: 1.25rem 0 0; border-top: 1px solid var(--hair); }
.bill dl div { display: grid; gap: 0 1rem; padding: .625rem 0; border-bottom: 1px solid var(--hair); }
.bill dt { color: var(--muted); font-size: .9375rem; }
.bill dd { margin: 0; font-weight: 550; font-variant-numeric: tabular-nums; min-width: 0; overflow-wrap: anywhere; }
@media (min-width: 30rem) { .bill dl div { grid-template-columns: 10rem minmax(0, 1fr); } }
@media print { body { background: none; } footer, .bill .lead { display: none; } .panel { box-shadow: none; border: 1px solid var(--hair); } }

@media (max-width: 22.5rem) { .panel { padding: 1rem; } input { padding: 0 .75rem; } #number { padding-right: 3rem; letter-spacing: 0; font-size: 1rem; } .marks { right: .625rem; width: 1.875rem; height: 1.25rem; } }
@media (min-width: 30rem) {
  .panel { padding: 1.75rem; }
  .page { padding-top: 2.5rem; }
  /* Labels of one and of two lines above fields in one line, and what is wrong with either below, as wide as both. */
  .row { display: grid; grid-template-columns: minmax(8.5rem, 2fr) 3fr; column-gap: .875rem; margin-bottom: 1.125rem; }
  .row .field { display: contents; }
  .row label { grid-row: 1; align-self: end; }
  .row .control { grid-row: 2; }
  .row .error { grid-column: 1 / -1; }
}
@media (min-width: 60rem) {
  .page { padding: 2rem 3rem 1.5rem; }
  main.split { max-width: 62rem; display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, 27rem); gap: 5rem; align-items: center; }
  .split .panel { margin-top: 0; padding: 2.25rem; }
  .split h1 { font-size: 2.125rem; margin: 2rem 0 .75rem; }
  .split .lead { font-size: 1.125rem; max-width: 32rem; }
  .points { display: grid; gap: .875rem; margin-top: 2rem; color: var(--muted); max-width: 30rem; }
  .points li { display: flex; gap: .75rem; }
  .points svg { width: 1.375rem; height: 1.375rem; color: var(--accent); }
  .split .safe { display: none; }
}
@media (prefers-reduced-motion: reduce) { *, *::before, *::after { transition: none !important; animation: none !important; } }
@media (forced-colors: active) { .button, .badge, .panel, .avatar { border: 1px solid; } .error::before { border: 1px solid; } }
`;

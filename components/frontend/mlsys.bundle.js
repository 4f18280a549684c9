// Written by `python -m components.bundle` from the modules beside it. Do not edit.
const SHEETS = {"account": "/* Its parts stand in the header's line beside the others. */\n.account { display: contents; }\n.account .who { display: inline-flex; gap: .5rem; align-items: center; font-size: .92rem; color: var(--header-text); overflow-wrap: anywhere; }\n.account .role { font-size: .78rem; font-weight: 600; border: 1px solid var(--header-line); border-radius: 999px; padding: .05rem .6rem; }\n.account form { margin: 0; }\n@media (max-width: 700px) { .account .who { flex: 1 0 100%; } }\n@media print { .account { display: none; } }\n", "banner": ".banners { display: grid; gap: .6rem; }\n.banner { display: flex; gap: .75rem; align-items: flex-start; border-radius: 10px; padding: .75rem 1rem; max-width: none;\n  border: 1px solid; font-variant-numeric: tabular-nums; }\n.banner.danger { background: var(--violation-soft); border-color: var(--violation); }\n.banner.warn { background: var(--caution-soft); border-color: var(--caution); }\n.banner strong { letter-spacing: .02em; }\n.banner.danger strong { color: var(--violation-ink); }\n.banner.warn strong { color: var(--caution-ink); }\n", "base": ":host, .root { font-family: var(--text-font); color: var(--ink); font-size: 1rem; line-height: 1.5; }\n*, *::before, *::after { box-sizing: border-box; }\np { margin: 0 0 .6em; max-width: 68ch; }\np:last-child, ul:last-child, ol:last-child { margin-bottom: 0; }\nul, ol { margin: 0 0 .6em; padding-left: 1.3em; max-width: 68ch; }\nol { padding-left: 1.8em; }\nh2, h3, h4 { margin: 0 0 .4em; line-height: 1.25; text-wrap: balance; }\nh2 { font-size: 1.25rem; }\nh3 { font-size: 1.05rem; }\na { color: var(--data); }\ncode { font-family: ui-monospace, \"SF Mono\", Consolas, monospace; font-size: .92em; }\n.num { font-variant-numeric: tabular-nums; }\ntable { border-collapse: collapse; width: 100%; font-size: .9rem; }\nth, td { text-align: left; padding: .35rem .6rem; border-bottom: 1px solid var(--line); vertical-align: top; }\nth { font-weight: 600; color: var(--muted); }\ntd.num, th.num { text-align: right; }\n@media (max-width: 480px) { th, td { padding: .35rem .4rem; } }\n.scroll-x { overflow-x: auto; }\nbutton, select, input, textarea { font: inherit; color: inherit; }\nbutton { cursor: pointer; border-radius: 8px; border: 1px solid var(--line); background: var(--surface);\n  padding: .5rem 1rem; min-height: 40px; font-weight: 550; }\nbutton:hover:not(:disabled) { border-color: var(--data); }\nbutton.primary { background: var(--data); border-color: var(--data); color: var(--on-fill); }\nbutton.primary:hover:not(:disabled) { filter: brightness(1.08); }\nbutton:disabled { cursor: not-allowed; color: var(--muted); background: var(--sunken); border-color: var(--line); }\nbutton.quiet { background: transparent; }\n:focus-visible { outline: 3px solid var(--data); outline-offset: 2px; border-radius: 4px; }\nmath { font-size: 1.08em; }\nmath[display=\"block\"] { margin: .5em 0; }\n.icon { display: inline-grid; place-items: center; width: 1.35em; height: 1.35em; flex: none; border-radius: 50%;\n  font-weight: 700; font-size: .85rem; line-height: 1; color: var(--on-fill); background: var(--data); }\n.icon.success { background: var(--met-ink); }\n.icon.warn { background: var(--caution-ink); border-radius: 4px; }\n.icon.danger { background: var(--violation-ink); border-radius: 4px; }\n.visually-hidden { position: absolute; width: 1px; height: 1px; margin: -1px; overflow: hidden; clip-path: inset(50%);\n  white-space: nowrap; }\n.panel { background: var(--surface); border: 1px solid var(--line); border-radius: 12px; padding: 1rem 1.15rem; }\n.eyebrow { font-size: .78rem; font-weight: 650; letter-spacing: .05em; text-transform: uppercase; color: var(--muted); }\n@media print { button, .no-print { display: none !important; } }\n@media (prefers-reduced-motion: no-preference) { .appear { animation: appear .25s ease-out; } }\n@keyframes appear { from { opacity: 0; transform: translateY(4px); } }\n", "callout": ".callout { border: 1px solid var(--line); border-left: 4px solid var(--data); border-radius: 10px;\n  background: var(--surface); padding: .85rem 1.1rem; }\n.callout.success { border-left-color: var(--met); background: var(--met-soft); border-color: transparent; border-left-color: var(--met); }\n.callout.warn { background: var(--caution-soft); border-color: transparent; border-left-color: var(--caution); }\n.callout.danger { background: var(--violation-soft); border-color: transparent; border-left-color: var(--violation); }\n.callout-title { display: flex; gap: .55rem; align-items: center; font-weight: 650; margin-bottom: .4rem; }\n.callout-title[hidden] { display: none; }\n.message { margin: 0; display: flex; gap: .9rem; background: var(--surface); border: 1px solid var(--line);\n  border-radius: 12px; padding: 1.1rem 1.25rem; }\n.message .avatar { flex: none; width: 2.5rem; height: 2.5rem; border-radius: 50%; display: grid; place-items: center;\n  background: var(--data-soft); color: var(--data); font-weight: 700; font-size: 1.1rem; }\n.message blockquote { margin: .3rem 0 0; font-size: 1.05rem; }\n.message blockquote p { margin-bottom: .4em; }\n.message .role { font-weight: 600; color: var(--muted); font-size: .9rem; }\n@media (max-width: 480px) { .message .avatar { display: none; } .message { padding: .9rem 1rem; } }\n.callout, .message { height: 100%; }\n", "classroom": ".class-round { border-left: 4px solid var(--data); }\n.class-round .votes { margin: .9rem 0 0; }\n.class-round .votes:empty { display: none; }\n.class-round .votes dd { font-size: 1.05rem; }\n\n.live { padding-bottom: 3rem; }\n.live .lab-header a.home { padding: .25rem 0; }\n.live h2 { margin: 0; font-size: 1.12rem; }\n.live h2 + .hint { margin-top: .25rem; }\n.live .top .eyebrow { white-space: nowrap; }\n.projector { --muted: var(--ink); --line: var(--series-6); max-width: 1500px; }\n.counts { margin: 1rem 0; display: grid; grid-template-columns: repeat(auto-fit, minmax(8.5rem, 1fr)); gap: 1px; background: var(--surface);\n  border: 1px solid var(--line); border-radius: 12px; overflow: hidden; }\n.counts > div { box-shadow: 0 0 0 1px var(--line); padding: .6rem 1.15rem; display: grid; align-content: space-between; }\n.counts dt { font-size: .84rem; color: var(--muted); }\n.counts dd { margin: 0; font-size: 1.7rem; font-weight: 650; line-height: 1.2; }\n.panes { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fit, minmax(min(26rem, 100%), 1fr)); align-items: stretch; }\n.panes > .wide { grid-column: 1 / -1; }\n.panes > *, .stacked > * { min-width: 0; }\n.stacked { display: grid; gap: 1rem; margin-top: 1rem; }\n.panel-head { display: flex; gap: .4rem 1rem; align-items: center; flex-wrap: wrap; margin-bottom: .5rem; }\n.panel-head .total { color: var(--muted); font-size: .9rem; flex: 1; }\n.asked { margin-bottom: .8rem; font-weight: 550; text-wrap: pretty; }\n.truth { margin: .8rem 0 0; font-weight: 650; color: var(--met-ink); }\n.verdict { color: var(--met-ink); margin-left: .6rem; white-space: nowrap; font-size: .9rem; }\n.track { background: var(--sunken); border-radius: 4px; height: .85rem; overflow: hidden; }\n.fill { background: var(--data); height: 100%; transition: width .3s, height .3s; }\n.right .fill { background: var(--met); }\n\n.bars { list-style: none; padding: 0; margin: 0; max-width: none; display: grid; gap: .65rem; }\n.bars li { display: grid; grid-template-columns: 1fr 5.2rem; gap: .15rem .8rem; align-items: center; }\n.bars .bar-text { grid-column: 1 / -1; font-size: .95rem; line-height: 1.35; text-wrap: pretty; }\n.bars .bar-count { font-weight: 600; font-size: .92rem; white-space: nowrap; }\n\n.columns-plot { position: relative; display: flex; align-items: flex-end; gap: 2px; height: 9rem; border-bottom: 1px solid var(--muted); }\n.column { flex: 1; height: 100%; display: flex; flex-direction: column; justify-content: flex-end; align-items: stretch; text-align: center; font-size: .82rem; line-height: 1.2; }\n.actual { position: absolute; top: 0; bottom: 0; border-left: 3px solid var(--met-ink); color: var(--met-ink); font-weight: 650; font-size: .85rem; }\n.actual span { position: absolute; left: .35rem; top: 0; }\n.actual span.left { left: auto; right: .55rem; }\n.axis { display: flex; justify-content: space-between; font-size: .85rem; color: var(--muted); }\n.axis > :only-child { margin-inline: auto; }\n\n.dots-plot { position: relative; height: 6.2rem; margin: .4rem .5rem 0; border-bottom: 1px solid var(--muted); }\n.band { position: absolute; top: 0; bottom: 0; background: var(--data-soft); min-width: 2px; }\n.median { position: absolute; top: 0; bottom: 0; border-left: 2px solid var(--data); }\n.stack { position: absolute; bottom: 1px; width: .62rem; margin-left: -.31rem; display: flex; flex-direction: column-reverse; align-items: center; }\n.dot { width: .56rem; border-radius: .28rem; border: .125rem solid var(--caution-ink); background: var(--surface); flex: none; }\n.dot.met { border-color: var(--met-ink); background: var(--met-ink); }\n.results { display: grid; gap: 1.2rem 2.5rem; margin-top: .8rem; grid-template-columns: repeat(auto-fit, minmax(min(22rem, 100%), 1fr)); }\n.results h3 { margin: 0; }\n.results .limit { white-space: nowrap; }\n.plot-text { font-size: .92rem; margin: .3rem 0 0; }\n\n.steps { list-style: none; margin: .8rem 0 0; padding: 0; max-width: none; display: grid; grid-template-columns: repeat(8, 1fr); gap: .5rem; }\n.steps li { display: grid; gap: .1rem; align-content: start; justify-items: center; text-align: center; font-size: .88rem; min-width: 0; }\n.steps strong { font-size: 1.3rem; line-height: 1.2; }\n.steps .gauge { width: 100%; height: 3.4rem; display: flex; align-items: flex-end; border-bottom: 3px solid var(--data); }\n.steps .gauge .fill { width: 62%; margin-inline: auto; border-radius: 3px 3px 0 0; }\n.steps .empty strong, .steps .empty span { color: var(--muted); font-weight: 500; }\n.steps .empty .gauge { border-bottom-color: var(--line); }\n.names { font-size: .82rem; line-height: 1.35; color: var(--muted); margin: .1rem 0 0; max-width: none; overflow-wrap: anywhere; }\n\n.failures { list-style: none; padding: 0; margin: .6rem 0 0; max-width: none; display: grid; gap: 0 2.5rem; grid-template-columns: repeat(auto-fit, minmax(min(22rem, 100%), 1fr)); }\n.failures li { display: grid; grid-template-columns: minmax(0, 1fr) auto; gap: .1rem 1rem; padding: .45rem 0; border-top: 1px solid var(--line); }\n.failures .names { grid-column: 1 / -1; }\n.failures .failure-title { overflow-wrap: anywhere; }\n.failures strong { white-space: nowrap; }\n.failures .empty { color: var(--muted); } .failures .empty strong { font-weight: 500; }\n\n.phases { list-style: none; display: flex; flex-wrap: wrap; gap: .3rem; padding: 0; margin: .7rem 0 .5rem; max-width: none; counter-reset: phase; }\n.phases[hidden] { display: none; }\n.phases li { counter-increment: phase; padding: .25rem .9rem; border-radius: 999px; border: 1px solid var(--line); color: var(--muted); font-size: .92rem; }\n.phases li::before { content: counter(phase) \". \"; }\n.phases li[aria-current] { background: var(--data); border-color: var(--data); color: var(--on-fill); font-weight: 650; }\n.round-status { margin: .5rem 0 0; }\n.round-votes:empty { display: none; }\n.round-votes { margin-top: 1rem; }\n.round-votes tr.right { background: var(--met-soft); }\n.round-votes tbody th { font-weight: 500; color: var(--ink); }\n.pair { display: grid; grid-template-columns: minmax(5rem, 1fr) 2rem; gap: .5rem; align-items: center; min-width: 8rem; }\n.pair .fill.second { background: var(--series-2); }\n.right .pair .fill { background: var(--met); }\n.moved { display: grid; grid-template-columns: repeat(auto-fit, minmax(8rem, max-content)); gap: .3rem 1.5rem; margin: .8rem 0 0; }\n.moved dt { font-size: .84rem; color: var(--muted); } .moved dd { margin: 0; font-size: 1.25rem; font-weight: 650; }\n.cover { background: var(--sunken); border-radius: 9px; padding: .8rem 1rem; display: flex; flex-wrap: wrap; gap: .5rem 1rem; align-items: center; justify-content: space-between; }\n.cover p { margin: 0; }\n\n.ways { list-style: none; display: flex; flex-wrap: wrap; gap: .3rem 1.4rem; padding: 0; margin: .6rem 0 0; max-width: none; }\n.ways a { display: inline-block; min-height: 24px; }\n.sieve { display: flex; flex-wrap: wrap; gap: .6rem 1rem; align-items: flex-end; margin: .7rem 0; }\n.sieve .hint { margin-left: auto; }\n.field { display: grid; gap: .2rem; font-size: .88rem; }\n.field label { color: var(--muted); }\n.field input, .field select { border: 1px solid var(--muted); border-radius: 8px; background: var(--surface); padding: .35rem .6rem; min-height: 36px; max-width: 100%; }\n.legend { list-style: none; display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; padding: 0; margin: 0 0 .7rem; font-size: .88rem; color: var(--muted); max-width: none; }\n.legend .sign { display: inline-block; width: 1.3rem; color: var(--data); }\n.matrix-region { overflow: auto; max-height: 70vh; border: 1px solid var(--line); border-radius: 8px; scroll-padding: 5rem 1rem 1rem 12rem; }\n.matrix { width: max-content; min-width: 100%; border-collapse: separate; border-spacing: 0; }\n.matrix th, .matrix td { padding: 0; border-bottom: 1px solid var(--grid); }\n.matrix thead th { position: sticky; z-index: 2; background: var(--sunken); }\n.matrix thead tr:first-child th { top: 0; height: 1.7rem; line-height: 1.7rem; }\n.matrix thead tr:last-child th { top: 1.7rem; }\n.matrix thead button { border: 0; background: transparent; border-radius: 0; width: 100%; min-width: 1.65rem; min-height: 30px; padding: .2rem .15rem; font-size: .84rem; font-weight: 600; color: var(--ink); }\n.matrix thead :focus-visible { outline-offset: -3px; }\n.matrix th[aria-sort] button { color: var(--data); text-decoration: underline; }\n.matrix th[aria-sort] button::after { content: \" ↓\"; } .matrix th[aria-sort=ascending] button::after { content: \" ↑\"; }\n.matrix .volume { padding-left: .4rem; border-left: 1px solid var(--line); }\n.matrix .name, .matrix tbody th { position: sticky; left: 0; z-index: 1; background: var(--surface); text-align: left; }\n.matrix thead .name { z-index: 3; background: var(--sunken); }\n.matrix thead .saved button { padding-inline: .6rem; text-align: right; }\n.matrix .name button { text-align: left; padding-left: .7rem; }\n.matrix tbody th { padding: .15rem .7rem; min-width: 10rem; max-width: 16rem; overflow-wrap: anywhere; font-size: .9rem; font-weight: 500; color: var(--ink); }\n.matrix tbody td { text-align: center; color: var(--data); font-size: 1rem; line-height: 1.7; }\n.matrix tbody td.num { color: var(--ink); font-size: .9rem; padding: 0 .6rem; text-align: right; }\n.matrix tbody td.s0 { color: var(--muted); } .matrix tbody td.s8 { color: var(--met-ink); }\n.matrix tbody tr:hover > * { background: var(--data-soft); }\n.matrix tr[hidden] { display: none; }\n.by-lab th[scope=row] { min-width: 12rem; font-weight: 500; color: var(--ink); }\n.by-lab a { font-weight: 650; display: inline-block; min-width: 3.6rem; min-height: 24px; }\n.by-lab td { white-space: nowrap; } .by-lab td:last-child { white-space: normal; min-width: 14rem; }\n.by-lab .none { color: var(--muted); }\n.reach-cell .interval { display: inline-block; vertical-align: middle; margin-right: .7rem; }\n.reach-text { display: inline-block; min-width: 5.4rem; }\n.interval { position: relative; width: 8rem; height: .5rem; background: var(--sunken); border-radius: 4px; }\n.interval .reach { position: absolute; top: 0; bottom: 0; background: var(--data); opacity: .45; border-radius: 4px; }\n.interval .point { position: absolute; top: -3px; bottom: -3px; width: 3px; margin-left: -1.5px; background: var(--data); }\nul.plain { list-style: none; padding: 0; margin: 0; }\n@media (max-width: 1400px) { .projector .steps { grid-template-columns: repeat(4, 1fr); gap: 1rem .4rem; } }\n@media (max-width: 700px) {\n  .projector .steps { grid-template-columns: repeat(2, 1fr); }\n  .live .lab-header { padding-inline: 1.1rem; }\n  .live .top { column-gap: .5rem; }\n  .live .top button { padding-inline: .5rem; }\n  .by-lab thead { display: none; }\n  .by-lab, .by-lab tbody, .by-lab tr { display: block; }\n  .by-lab tr { padding: .6rem 0; border-bottom: 1px solid var(--line); }\n  .by-lab tr > * { border: 0; padding: .1rem 0; }\n  .by-lab th { display: grid; grid-template-columns: 3.8rem minmax(0, 1fr); }\n  .by-lab td { display: grid; grid-template-columns: 7.6rem minmax(0, 1fr); text-align: left; white-space: normal; }\n  .by-lab td:last-child { grid-template-columns: minmax(0, 1fr); }\n  .by-lab td::before { content: attr(data-column); color: var(--muted); font-size: .84rem; }\n  .by-lab td.none { display: none; }\n  .reach-cell { align-items: start; }\n  .reach-cell .reach-text { grid-column: 2; grid-row: 1; }\n  .reach-cell .interval { grid-column: 2; margin: .2rem 0 .3rem; }\n  .steps { grid-template-columns: repeat(4, 1fr); gap: 1rem .4rem; }\n  .steps:has(.names) { grid-template-columns: repeat(2, 1fr); }\n  .pair { grid-template-columns: minmax(2rem, 1fr) 1.4rem; min-width: 4rem; }\n  .matrix tbody th { min-width: 7rem; max-width: 8rem; }\n  .matrix-region { scroll-padding-left: 9rem; }\n  .matrix tbody th, .matrix .name { font-size: .84rem; }\n}\n", "controls": ".controls { display: grid; gap: 1.1rem; margin: 0; }\n.controls-head { display: flex; justify-content: space-between; align-items: center; }\n.controls-head h3 { margin: 0; }\n.small { min-height: 32px; padding: .2rem .7rem; font-size: .85rem; font-weight: 500; }\n.control { border: 0; margin: 0; padding: 0; min-width: 0; }\n.control legend { padding: 0; margin-bottom: .4rem; }\n.control legend, .control label[for] { font-weight: 550; font-size: .93rem; }\n.head { display: flex; justify-content: space-between; gap: .8rem; align-items: baseline; margin-bottom: .3rem; flex-wrap: wrap; }\n.value { font-weight: 650; font-variant-numeric: tabular-nums; color: var(--data); }\n.typed { display: flex; gap: .4rem; align-items: baseline; flex-wrap: wrap; }\ninput.entry { width: 6.2rem; padding: .2rem .4rem; border: 1px solid var(--muted); border-radius: 6px; background: var(--surface); }\n.unit { color: var(--muted); font-size: .88rem; }\ninput[type=range] { width: 100%; accent-color: var(--data); height: 28px; margin: 0; cursor: pointer; }\n.ends { display: flex; justify-content: space-between; color: var(--muted); font-size: .78rem; font-variant-numeric: tabular-nums; }\nselect { width: 100%; min-height: 40px; border-radius: 8px; border: 1px solid var(--muted); background: var(--surface); padding: .3rem .6rem; }\n.note, .remark { margin: .35rem 0 0; font-size: .82rem; color: var(--muted); }\n.note:empty { display: none; }\n", "figure": ".figure { margin: 0; padding: .8rem .9rem .9rem; }\n.figure h3 { font-size: .98rem; margin: 0 .2rem .3rem; }\n.figure figcaption { color: var(--muted); font-size: .88rem; margin: .3rem .2rem 0; max-width: 80ch; font-variant-numeric: tabular-nums; }\n.figure figcaption:empty { display: none; }\n.stack { display: grid; gap: 1rem; grid-template-columns: minmax(0, 1fr); }\n.workbench { display: grid; gap: 1rem; grid-template-columns: minmax(0, 1fr); align-items: start; }\n.side, .main { display: grid; gap: 1rem; grid-template-columns: minmax(0, 1fr); }\n@media (min-width: 900px) {\n  .workbench { grid-template-columns: minmax(17rem, 21rem) minmax(0, 1fr); }\n  .side { position: var(--side-position, sticky); top: .8rem; max-height: var(--side-height, calc(100vh - 5.5rem)); overflow: auto; }\n}\n.key { list-style: none; display: flex; flex-wrap: wrap; gap: .15rem .9rem; margin: 0 .2rem .3rem; padding: 0; max-width: none; font-size: .85rem; color: var(--muted); }\n.key:empty { display: none; }\n.swatch { display: inline-block; width: .8em; height: .8em; border-radius: 2px; margin-right: .35em; vertical-align: -.05em; }\n.columns { display: grid; gap: 1rem; grid-template-columns: minmax(0, 1fr); align-items: stretch; }\n@media (min-width: 980px) { .columns { grid-template-columns: repeat(auto-fit, minmax(24rem, 1fr)); } }\n", "frame": ".frame { max-width: 1240px; margin: 0 auto; padding: 0 1rem; }\n.lab-header { background: linear-gradient(120deg, var(--header-start) 0%, var(--header-middle) 55%, var(--header-end) 100%); color: var(--header-ink); border-radius: 0 0 16px 16px;\n  margin: 0 -1rem; padding: .9rem 1.6rem 1.4rem; }\n.lab-header .top { display: flex; gap: .6rem 1rem; align-items: center; margin-bottom: .8rem; flex-wrap: wrap; }\n.lab-header .top .eyebrow { color: var(--header-muted); flex: 1; }\n.lab-header .home { color: var(--header-link); font-size: .92rem; padding: .25rem 0; }\n.lab-header button { color: var(--header-ink); border-color: var(--header-line); min-height: 34px; padding: .25rem .8rem; font-size: .88rem; }\n.lab-header :focus-visible { outline-color: var(--header-focus); }\n.columns { display: flex; gap: 1.2rem 2.5rem; justify-content: space-between; align-items: flex-end; flex-wrap: wrap; }\n.columns > div { flex: 1 1 26rem; }\nh1 { font-size: clamp(1.5rem, 3.4vw, 2.15rem); line-height: 1.15; margin: 0 0 .4rem; letter-spacing: -.01em; text-wrap: balance; }\n.core { font-size: 1.08rem; color: var(--header-text); margin: 0 0 .4rem; }\n.minutes { color: var(--header-muted); font-size: .9rem; margin: 0; }\n.badges { list-style: none; display: flex; flex-wrap: wrap; gap: .45rem; margin: 0; padding: 0; max-width: 30rem; }\n.badges li { display: inline-flex; gap: .45rem; align-items: center; border-radius: 999px; padding: .28rem .8rem .28rem .45rem;\n  font-size: .88rem; font-weight: 600; border: 1px solid; font-variant-numeric: tabular-nums; }\n.badges .sign { display: grid; place-items: center; width: 1.3em; height: 1.3em; border-radius: 50%; font-weight: 800; line-height: 1; }\n.badges .locked { color: var(--badge-locked-ink); border-color: var(--badge-locked-line); background: var(--badge-locked); }\n.badges .met { color: var(--badge-met-ink); border-color: var(--badge-met-line); background: var(--badge-met); }\n.badges .met .sign { background: var(--badge-met-line); color: var(--badge-met-sign); }\n.badges .violated { color: var(--badge-violated-ink); border-color: var(--badge-violated-line); background: var(--badge-violated); }\n.badges .violated .sign { background: var(--badge-violated-line); color: var(--badge-violated-sign); }\n.connection { position: sticky; top: 0; z-index: 6; display: flex; gap: .6rem 1.2rem; align-items: center; justify-content: space-between; flex-wrap: wrap;\n  background: var(--caution-soft); color: var(--ink); border: 1px solid var(--caution); border-radius: 0 0 10px 10px; padding: .6rem 1rem; }\n.connection:empty { display: none; }\n.notices { display: grid; gap: .5rem; margin-top: .8rem; }\n.notices:empty { display: none; }\n.notice { background: var(--caution-soft); border-radius: 9px; padding: .6rem 1rem; margin: 0; max-width: none; }\n.bar { display: flex; justify-content: space-between; align-items: flex-end; gap: .6rem 2rem; flex-wrap: wrap; margin: 1rem 0;\n  border-bottom: 1px solid var(--line); }\n.tablist { display: flex; gap: .2rem; flex-wrap: wrap; }\n.tablist button { border: 0; background: transparent; border-radius: 8px 8px 0 0; padding: .6rem 1rem; font-weight: 600; color: var(--muted);\n  border-bottom: 3px solid transparent; margin-bottom: -1px; display: inline-flex; gap: .4rem; }\n.tablist button[aria-selected=true] { color: var(--data); border-bottom-color: var(--data); }\n.tablist .lock[hidden] { display: none; }\n.lock-icon { width: .72em; height: .85em; vertical-align: -.02em; }\n.context { border: 0; padding: 0; margin: 0 0 .6rem; display: flex; gap: .2rem .7rem; align-items: center; flex-wrap: wrap; min-width: 0; }\n.context legend { float: left; font-size: .85rem; color: var(--muted); padding: 0; margin-right: .2rem; }\n.context-note { margin: 0; font-size: .85rem; color: var(--muted); max-width: none; }\n.regime-cloud:has(input:checked) { background: var(--cloud-ink); border-color: var(--cloud-ink); }\n.regime-edge:has(input:checked) { background: var(--violation-ink); border-color: var(--violation-ink); }\n.regime-mobile:has(input:checked) { background: var(--caution-ink); border-color: var(--caution-ink); }\n.regime-tiny:has(input:checked) { background: var(--met-ink); border-color: var(--met-ink); }\n.tabpanel[hidden] { display: none; }\n.locked-note { display: none; max-width: none; color: var(--muted); }\n.tabpanel.is-locked > .locked-note { display: block; }\n.tabpanel.is-locked > :not(.locked-note) { display: none; }\n.panels { min-height: 45vh; padding-bottom: 1.2rem; }\n.hud { position: sticky; bottom: 0; z-index: 5; display: flex; gap: .5rem 1.5rem; justify-content: space-between; align-items: center; flex-wrap: wrap;\n  background: var(--surface); border: 1px solid var(--line); border-bottom: 0; border-radius: 12px 12px 0 0; padding: .5rem 1rem;\n  box-shadow: 0 -4px 16px var(--shadow); }\n.unsaved { flex: 1 0 100%; display: flex; gap: .2rem 1.2rem; justify-content: space-between; flex-wrap: wrap; align-items: baseline;\n  margin: -.5rem -1rem 0; padding: .45rem 1rem; border-radius: 11px 11px 0 0; background: var(--met-soft); font-size: .87rem; line-height: 1.35; }\n.unsaved.waits { background: var(--caution-soft); }\n.unsaved.visually-hidden { padding: 0; margin: -1px; }\n.unsaved .count { color: var(--muted); font-variant-numeric: tabular-nums; }\n.hud-items { display: flex; flex-wrap: wrap; gap: .2rem 1.6rem; margin: 0; }\n.hud-items dt { font-size: .74rem; color: var(--muted); }\n.hud-items dd { margin: 0; font-size: .92rem; font-weight: 600; font-variant-numeric: tabular-nums; }\n.hud-items .met dd { color: var(--met-ink); }\n.hud-items .violated dd { color: var(--violation-ink); }\n.hud-items .caution dd { color: var(--caution-ink); }\n.hud-side button { flex: none; white-space: nowrap; }\n.hud-side { display: flex; gap: 1rem; align-items: center; flex: 1 1 16rem; justify-content: flex-end; }\n.next { margin: 0; font-size: .87rem; line-height: 1.3; color: var(--muted); max-width: 20rem; }\n.small { min-height: 34px; padding: .25rem .8rem; font-size: .88rem; }\n@media (max-width: 480px) {\n  .frame:not(.live) .top > button:last-child { margin-left: auto; }\n  .frame:not(.live) .top .eyebrow { order: 1; flex: 1 0 100%; }\n}\n@media (max-width: 700px) {\n  .bar { border-bottom: 0; }\n  .tablist { width: 100%; border-bottom: 1px solid var(--line); }\n  .tablist button { padding: .55rem .6rem; font-size: .95rem; flex: 1 1 auto; justify-content: center; }\n  .hud { position: static; }\n  /* The footer scrolls away here; what is not saved must stay in sight. */\n  .unsaved:not(.visually-hidden) { position: fixed; inset: auto 0 0; z-index: 6; margin: 0; border-radius: 0; border-top: 1px solid var(--line);\n    box-shadow: 0 -4px 16px var(--shadow); }\n  .hud:has(.unsaved:not(.visually-hidden)) { margin-bottom: 6rem; }\n  .next { max-width: none; }\n}\n/* In a portal the lab has no window of its own: nothing sticks to it or is measured by it. The edge is the focus ring's. */\n.embedded { max-width: none; padding: 6px; --side-position: static; --side-height: none; }\n.embedded .lab-header { margin: 0; border-radius: 12px; padding: .8rem 1.2rem 1.1rem; }\n.embedded .top { margin-bottom: .45rem; }\n.embedded h1 { font-size: clamp(1.35rem, 3vw, 1.8rem); }\n.embedded .panels { min-height: 0; }\n.embedded .connection { position: static; border-radius: 10px; }\n.embedded .hud { position: static; border-bottom: 1px solid var(--line); border-radius: 12px; box-shadow: none; }\n@media print { .tablist, .hud-side, .context { display: none; } .hud { position: static; } .tabpanel[hidden] { display: none; } }\n", "index": ".course { max-width: 1240px; margin: 0 auto; padding: 0 1rem 3rem; }\n.hero { background: linear-gradient(120deg, var(--header-start) 0%, var(--header-middle) 55%, var(--header-end) 100%); color: var(--header-ink); margin: 0 -1rem 1.6rem; padding: 1rem 1.8rem 2rem;\n  border-radius: 0 0 18px 18px; }\n.hero .top { display: flex; gap: .6rem 1rem; align-items: center; flex-wrap: wrap; }\n.hero .top .eyebrow { flex: 1 1 auto; }\n.hero .home { color: var(--header-link); font-size: .92rem; padding: .25rem 0; }\n.card img { filter: var(--picture-filter); }\n.card.closed img { filter: var(--picture-filter) grayscale(1) opacity(.55); }\n.card.closed:hover { border-color: var(--line); }\n.embedded { padding: 6px; }\n.embedded .hero { margin: 0; border-radius: 12px; padding: 1rem 1.2rem 1.4rem; }\n.embedded h1 { font-size: clamp(1.35rem, 3vw, 1.8rem); margin-top: .6rem; }\n.hero .eyebrow, .hero .summary { color: var(--header-muted); }\n/* When a lab opens is all that its page says until then. */\n.hero .opening { color: var(--header-ink); font-weight: 650; margin-top: 1rem; }\n.hero button { color: var(--header-ink); border-color: var(--header-line); min-height: 34px; padding: .25rem .8rem; font-size: .88rem; }\n.hero :focus-visible { outline-color: var(--header-focus); }\n.hero h1 { font-size: clamp(1.8rem, 4.5vw, 2.7rem); line-height: 1.1; letter-spacing: -.015em; margin: 1rem 0 .6rem; text-wrap: balance; }\n.hero .lead { font-size: 1.12rem; color: var(--header-text); max-width: 62ch; }\n.notice { background: var(--caution-soft); border-radius: 9px; padding: .6rem 1rem; margin: 0 0 1.2rem; max-width: none; }\n.subtitle { color: var(--muted); margin-bottom: 1rem; max-width: none; text-wrap: balance; }\nsection + section { margin-top: 2rem; }\n.cards { list-style: none; margin: 0; padding: 0; max-width: none; display: grid; gap: 1rem; grid-template-columns: repeat(auto-fill, minmax(min(19rem, 100%), 1fr)); }\n.card { background: var(--surface); border: 1px solid var(--line); border-radius: 14px; overflow: hidden; }\n.card > .face { display: flex; flex-direction: column; height: 100%; color: inherit; text-decoration: none; }\n.card:hover { border-color: var(--data); }\n.card:has(:focus-visible) { outline: 3px solid var(--data); outline-offset: 2px; }\n.card :focus-visible { outline: none; }\n.card img { width: 100%; height: auto; aspect-ratio: 16 / 9; object-fit: cover; object-position: top; display: block; }\n.card img + .card-body { border-top: 1px solid var(--line); }\n.card-body { padding: .9rem 1.1rem 1rem; display: flex; flex-direction: column; flex: 1; }\n.card h3 { font-size: 1.12rem; margin: .1rem 0 .35rem; }\n.card .eyebrow { margin: 0; }\n.invariant { color: var(--muted); font-size: .94rem; flex: 1; }\n.tags { list-style: none; display: flex; gap: .4rem; padding: 0; margin: .2rem 0 .7rem; flex-wrap: wrap; }\n.tags li { font-size: .78rem; font-weight: 600; border-radius: 999px; padding: .1rem .65rem; border: 1px solid currentColor; color: var(--muted); }\n.tags .regime-cloud { color: var(--cloud-ink); } .tags .regime-edge { color: var(--violation-ink); }\n.tags .regime-mobile { color: var(--caution-ink); } .tags .regime-tiny { color: var(--met-ink); }\n.progress { font-size: .88rem; color: var(--muted); margin: 0; }\n.card.saved .progress { color: var(--met-ink); font-weight: 600; }\n.card.started .progress { color: var(--caution-ink); font-weight: 600; }\n@media (max-width: 480px) {\n  .hero { padding-inline: 1.2rem; }\n  .hero .top .eyebrow { letter-spacing: .01em; }\n}\n", "ledger": ".ledger { display: grid; gap: 1rem; grid-template-columns: minmax(0, 1fr); }\n.actions { display: flex; gap: .8rem; align-items: center; flex-wrap: wrap; margin-top: .9rem; }\n.hint { color: var(--muted); font-size: .88rem; }\n.grading { color: var(--muted); margin: .9rem 0 0; }\n.status { border-radius: 9px; padding: .7rem 1rem; background: var(--data-soft); }\n.status.success { background: var(--met-soft); }\n.status.danger { background: var(--violation-soft); }\n.status.warn { background: var(--caution-soft); }\n.status:empty { display: none; }\n.armed { background: var(--violation-soft); border-color: var(--violation); color: var(--violation-ink); }\n.segments-field { border: 0; padding: 0; margin: 0 0 1rem; min-width: 0; }\n.segments-field legend { font-weight: 600; padding: 0; margin-bottom: .5rem; }\nth code { display: block; color: var(--muted); font-weight: 400; font-size: .82em; }\n", "metrics": ".metrics { margin: 0; display: grid; grid-template-columns: repeat(auto-fit, minmax(8.6rem, 1fr)); gap: 1px;\n  background: var(--surface); border: 1px solid var(--line); border-radius: 12px; overflow: hidden; }\n.metrics > div { box-shadow: 0 0 0 1px var(--line); padding: .6rem .85rem; min-width: 0; }\n.metrics dt { font-size: .8rem; color: var(--muted); }\n.metrics dd { margin: 0; font-variant-numeric: tabular-nums; }\n.metrics .value { font-size: 1.3rem; font-weight: 650; }\n.metrics .unit { color: var(--muted); font-size: .9rem; }\n.metrics .sign { font-weight: 700; }\n.metrics .note { font-size: .8rem; color: var(--muted); }\n.metrics .note:empty { display: none; }\n.metrics .met .sign, .metrics .met .value { color: var(--met-ink); }\n.metrics .violated .sign, .metrics .violated .value { color: var(--violation-ink); }\n.metrics .caution .sign, .metrics .caution .value { color: var(--caution-ink); }\ncaption { text-align: left; font-weight: 650; padding-bottom: .5rem; }\ntbody th { color: var(--ink); font-weight: 500; }\ntr.emphasis th, tr.emphasis td { font-weight: 650; background: var(--data-soft); }\ntd.num { font-variant-numeric: tabular-nums; white-space: nowrap; }\n@media (max-width: 480px) { .metrics { grid-template-columns: repeat(2, 1fr); } .metrics .value { font-size: 1.1rem; } }\n", "peek": "summary { cursor: pointer; font-weight: 600; padding: .15rem 0; }\n.peek[open] summary { margin-bottom: .7rem; }\n.formula { border-top: 1px solid var(--line); padding: .9rem 0; }\n.formula h4 { font-size: .95rem; }\n.formula .scroll-x:not(.equation) { margin-bottom: .6rem; }\n.equation { font-size: 1.15rem; padding: .2rem 0 .6rem; }\n.source { color: var(--muted); font-size: .88rem; }\n.about section { margin-top: 1rem; }\n.about h3 { margin-bottom: .5rem; }\n", "portal": "/* The element that holds a lab in a portal's own page: what the page says of its own text ends here. */\n:host { display: block; background: var(--surface); color: var(--ink); font-style: normal; font-weight: normal; letter-spacing: normal;\n  text-align: start; text-indent: 0; text-transform: none; white-space: normal; word-spacing: normal; }\n", "question": ".question .eyebrow { margin-bottom: .6rem; }\n.choices { border: 0; padding: 0; margin: 0; min-width: 0; display: grid; gap: .5rem; }\n.choices legend, .number label { font-weight: 600; font-size: 1.05rem; margin-bottom: .7rem; padding: 0; max-width: 62ch; display: block; }\n.choices legend p, .number label p { margin: 0; }\n.choice { display: flex; gap: .75rem; align-items: flex-start; border: 1px solid var(--line); border-radius: 9px;\n  padding: .6rem .85rem; cursor: pointer; }\n.choice:hover { border-color: var(--data); }\n.choice:has(input:checked) { border-color: var(--data); background: var(--data-soft); }\n.choice:has(input:disabled) { cursor: default; color: var(--muted); }\n.choice:has(input:disabled:checked) { color: var(--ink); }\n.choice:has(input:focus-visible) { outline: 3px solid var(--data); outline-offset: 2px; }\n.choice input { margin: .22rem 0 0; width: 1.1rem; height: 1.1rem; flex: none; accent-color: var(--data); }\n.choice p { margin: 0; }\n.entry { display: flex; gap: .6rem; align-items: center; flex-wrap: wrap; }\n.entry input { width: 9rem; padding: .5rem .7rem; border: 1px solid var(--muted); border-radius: 8px;\n  background: var(--surface); font-size: 1.1rem; font-variant-numeric: tabular-nums; }\n.hint { color: var(--muted); font-size: .88rem; margin: 0; }\n.problem { color: var(--violation-ink); font-size: .92rem; margin: .5rem 0 0; }\n.problem:empty { display: none; }\n.actions { display: flex; gap: 1rem; align-items: center; flex-wrap: wrap; margin-top: .9rem; }\n.actions .hint { flex: 1 1 16rem; }\n.overlay-title { display: flex; gap: .55rem; align-items: center; font-weight: 650; margin: 0 0 .5rem; }\n.overlay { border-left: 4px solid var(--caution); }\n.overlay.success { border-left-color: var(--met); }\n.gap { display: flex; flex-wrap: wrap; gap: .4rem 2.2rem; margin: 0 0 .7rem; }\n.gap dt { font-size: .82rem; color: var(--muted); }\n.gap dd { margin: 0; font-size: 1.35rem; font-weight: 650; font-variant-numeric: tabular-nums; }\n.feedback { margin-top: .9rem; border-radius: 9px; padding: .8rem 1rem; background: var(--caution-soft); }\n.feedback.success { background: var(--met-soft); }\n@media (min-width: 900px) { .choices { grid-template-columns: 1fr 1fr; } .choices legend { grid-column: 1 / -1; } }\n@media (min-width: 1000px) { .overlay { display: grid; grid-template-columns: minmax(24rem, auto) 1fr; gap: 0 2.5rem; }\n  .overlay .overlay-title { grid-column: 1 / -1; } .overlay .gap { align-content: start; } }\n", "report": ".paper { margin-top: 1rem; overflow: auto; background: var(--sunken); border: 1px solid var(--line); border-radius: 8px; padding: 5mm; }\n.paper-sheet { min-width: 190mm; }\n", "segments": ".segments { display: flex; flex-wrap: wrap; gap: .35rem; }\n.segment { position: relative; border: 1px solid var(--line); border-radius: 8px; padding: .35rem .75rem; min-height: 36px;\n  display: inline-flex; align-items: center; cursor: pointer; font-size: .93rem; background: var(--surface); }\n.segment input { position: absolute; opacity: 0; inset: 0; margin: 0; cursor: inherit; width: 100%; height: 100%; }\n.segment:hover { border-color: var(--data); }\nbutton.segment { font: inherit; font-size: .93rem; color: inherit; }\n.segment:has(input:checked), .segment[aria-pressed=true] { background: var(--data); border-color: var(--data); color: var(--on-fill); font-weight: 600; }\n.segment:has(input:focus-visible) { outline: 3px solid var(--data); outline-offset: 2px; }\n.segment.unavailable { color: var(--muted); background: var(--sunken); text-decoration: line-through; cursor: not-allowed; border-style: dashed; }\n/* What is locked on its only or current value is chosen all the same: no line through it. */\n.segment.unavailable:has(input:checked) { color: var(--on-fill); background: var(--muted); text-decoration: none; border-style: solid; }\n", "unavailable": ".unavailable { max-width: 44rem; margin: 0 auto; padding: 1rem; }\n.unavailable .top { display: flex; justify-content: space-between; align-items: center; gap: 1rem; min-height: 2.5rem; margin-bottom: clamp(1rem, 12vh, 6rem); }\n.unavailable .top button { margin-left: auto; min-height: 34px; padding: .25rem .8rem; font-size: .88rem; }\n.unavailable .panel { padding: clamp(1.2rem, 4vw, 2.2rem); border-top: 4px solid var(--caution); }\n.unavailable h1 { font-size: clamp(1.4rem, 4vw, 1.9rem); line-height: 1.2; margin: .2rem 0 .8rem; text-wrap: balance; }\n.unavailable .hint { color: var(--muted); margin-bottom: 1.2rem; }\n"};
const TOKENS = ":root{color-scheme:light;--text-font:system-ui, -apple-system, \"Segoe UI\", Roboto, \"Helvetica Neue\", Arial, sans-serif;--header-start:#0B1F30;--header-middle:#123A56;--header-end:#0B4F6C;--header-ink:#F2F7FB;--header-text:#DCE9F2;--header-muted:#B8CFE0;--header-link:#E4F1FA;--header-line:#6E8FA6;--header-focus:#9ED3F5;--badge-locked:#FFFFFF14;--badge-locked-ink:#C9D8E3;--badge-locked-line:#5B7A90;--badge-met:#0C4A30;--badge-met-ink:#DDFBE9;--badge-met-line:#4CC38A;--badge-met-sign:#06281A;--badge-violated:#5D1A22;--badge-violated-ink:#FFE6E7;--badge-violated-line:#FF8A8F;--badge-violated-sign:#3A0A0F;--shadow:#0000000F;--data:#006395;--met:#008F45;--violation:#CB202D;--caution:#CC5500;--met-ink:#00713A;--violation-ink:#B31B27;--caution-ink:#A54500;--cloud:#6366F1;--edge:#CB202D;--mobile:#CC5500;--tiny:#008F45;--cloud-ink:#4A45D1;--series-2:#7A4E9F;--series-3:#0C7473;--series-4:#A8326B;--series-5:#8A6100;--series-6:#5A6A7A;--page:#F4F6F9;--surface:#FFFFFF;--sunken:#EDF1F5;--ink:#16202C;--muted:#51606F;--line:#CFD8E1;--grid:#E3E9EF;--data-soft:#E3F0F8;--met-soft:#E2F4E9;--violation-soft:#FBE7E8;--caution-soft:#FDEEDF;--on-fill:#FFFFFE;--on-cell:#15212B;--picture-filter:brightness(1);}@media (prefers-color-scheme:dark){:root:not([data-theme=light]){color-scheme:dark;--data:#5DB4E6;--met:#4CC38A;--violation:#FF7B80;--caution:#F5A15B;--met-ink:#6AD3A0;--violation-ink:#FF9297;--caution-ink:#F7B278;--cloud:#9DA0FF;--edge:#FF7B80;--mobile:#F5A15B;--tiny:#4CC38A;--cloud-ink:#B4B6FF;--series-2:#C3A0E4;--series-3:#56C2C0;--series-4:#EF8FBC;--series-5:#DDB655;--series-6:#A3B1C0;--page:#0F151C;--surface:#18212B;--sunken:#202B37;--ink:#EAF0F6;--muted:#A5B3C1;--line:#3A4857;--grid:#2A3644;--data-soft:#15334A;--met-soft:#143A2A;--violation-soft:#46212A;--caution-soft:#452D1B;--on-fill:#0B1117;--on-cell:#15212C;--picture-filter:invert(.89) hue-rotate(180deg);}}:root[data-theme=dark]{color-scheme:dark;--data:#5DB4E6;--met:#4CC38A;--violation:#FF7B80;--caution:#F5A15B;--met-ink:#6AD3A0;--violation-ink:#FF9297;--caution-ink:#F7B278;--cloud:#9DA0FF;--edge:#FF7B80;--mobile:#F5A15B;--tiny:#4CC38A;--cloud-ink:#B4B6FF;--series-2:#C3A0E4;--series-3:#56C2C0;--series-4:#EF8FBC;--series-5:#DDB655;--series-6:#A3B1C0;--page:#0F151C;--surface:#18212B;--sunken:#202B37;--ink:#EAF0F6;--muted:#A5B3C1;--line:#3A4857;--grid:#2A3644;--data-soft:#15334A;--met-soft:#143A2A;--violation-soft:#46212A;--caution-soft:#452D1B;--on-fill:#0B1117;--on-cell:#15212C;--picture-filter:invert(.89) hue-rotate(180deg);}";
const DARK_PARTNER = {"#006395": "#5db4e6", "#008f45": "#4cc38a", "#cb202d": "#ff7b80", "#cc5500": "#f5a15b", "#00713a": "#6ad3a0", "#b31b27": "#ff9297", "#a54500": "#f7b278", "#6366f1": "#9da0ff", "#4a45d1": "#b4b6ff", "#7a4e9f": "#c3a0e4", "#0c7473": "#56c2c0", "#a8326b": "#ef8fbc", "#8a6100": "#ddb655", "#5a6a7a": "#a3b1c0", "#f4f6f9": "#0f151c", "#ffffff": "#18212b", "#edf1f5": "#202b37", "#16202c": "#eaf0f6", "#51606f": "#a5b3c1", "#cfd8e1": "#3a4857", "#e3e9ef": "#2a3644", "#e3f0f8": "#15334a", "#e2f4e9": "#143a2a", "#fbe7e8": "#46212a", "#fdeedf": "#452d1b", "#fffffe": "#0b1117", "#15212b": "#15212c"};
// --- dom.js ---
// Building blocks of the front end: elements, shared style sheets, and the wrapper every component uses.

// Whether this page is one of the suite's, and not a portal's that shows a lab in its midst.
const OWN_PAGE = document.querySelector("meta[name=application-name][content='MLSys Labs']") !== null

// h("p", {class: "note", onclick: f}, "text", child): an element. Strings become text nodes, never markup.
// Only `trusted` sets markup: it is for text that the suite's own authors wrote and Python rendered.
function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes)) {
    if (value == null || value === false) continue
    if (name === "trusted") element.innerHTML = value
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value)
    else if (name === "value" || name === "checked") element[name] = value
    else element.setAttribute(name, value === true ? "" : value)
  }
  element.append(...children.flat().filter((child) => child != null && child !== false))
  return element
}

const sheetCache = new Map()

function adopt(root, names) {
  for (const name of names) {
    if (!sheetCache.has(name)) {
      const sheet = new CSSStyleSheet()
      sheet.replaceSync(SHEETS[name])
      sheetCache.set(name, sheet)
    }
    const sheet = sheetCache.get(name)
    if (!root.adoptedStyleSheets.includes(sheet)) root.adoptedStyleSheets = [...root.adoptedStyleSheets, sheet]
  }
}

// A component: its style sheets, and a function that builds its element once and returns the updates to run
// when a property changes: {element, update: {property: function}}.
function component(sheets, build) {
  return {
    render(context) {
      // Panel names the mount point after the class; our own names must not meet it.
      context.el.className = "mount"
      // Layout is CSS's business here. Bokeh's own pass walks the whole tree and would measure plots that are
      // still on their way in; each plot is measured by its figure, when its own box changes.
      for (const pass of ["measure_layout", "compute_layout", "invalidate_layout"]) context.view[pass] = () => {}
      adopt(context.el.getRootNode(), ["base", ...sheets])
      const {element, update = {}} = build(context)
      for (const [property, run] of Object.entries(update)) context.model.on(property, () => run())
      return element
    },
  }
}

let serial = 0
// Ids only need to be unique inside one shadow root; a counter gives more than that.
const uniqueId = (stem) => `${stem}-${++serial}`

function lockIcon() {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg")
  svg.setAttribute("viewBox", "0 0 12 14")
  svg.setAttribute("class", "lock-icon")
  svg.setAttribute("aria-hidden", "true")
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path")
  path.setAttribute("d", "M3 6V4a3 3 0 0 1 6 0v2h.6c.5 0 .9.4.9.9v5.2c0 .5-.4.9-.9.9H2.4a.9.9 0 0 1-.9-.9V6.900c0-.5.4-.9.9-.9H3Zm1.400 0h3.200V4a1.600 1.600 0 0 0-3.200 0v2Z")
  path.setAttribute("fill", "currentColor")
  svg.append(path)
  return svg
}

const ICONS = {info: "i", success: "✓", warn: "!", danger: "✕"}

function icon(kind) {
  return h("span", {class: `icon ${kind}`, "aria-hidden": "true"}, ICONS[kind])
}

// A labelled button that reports a click to Python.
function button(model, label, message, attributes = {}) {
  return h("button", {type: "button", ...attributes, onclick: () => model.send_msg(message)}, label)
}

// --- theme.js ---
// Light and dark: custom properties for the page, and recoloured models for plots, which are drawn on canvas.

const STORAGE_KEY = "mlsys-theme"

// In a page of ours the tokens belong to the whole page. A portal's own page is none of our business: there they go to
// the element that holds the lab, in the theme that the portal's page itself has.
const tokens = new CSSStyleSheet()
tokens.replaceSync(OWN_PAGE ? TOKENS : TOKENS.replace(/:root(:not\([^)]*\)|\[[^\]]*\])?/g, (_, which) => which ? `:host(${which})` : ":host"))
if (OWN_PAGE) document.adoptedStyleSheets = [...document.adoptedStyleSheets, tokens]

const systemDark = window.matchMedia("(prefers-color-scheme: dark)")

function remembered() {
  try {
    return window.localStorage.getItem(STORAGE_KEY)
  } catch {
    return null // Storage is closed to us in some embedded frames: the choice then lasts as long as the page.
  }
}

function choose(theme) {
  document.documentElement.dataset.theme = theme
  try {
    window.localStorage.setItem(STORAGE_KEY, theme)
  } catch {
    // As above.
  }
  document.dispatchEvent(new CustomEvent("mlsys-theme"))
}

if (OWN_PAGE) {
  const saved = new URLSearchParams(window.location.search).get("theme") ?? remembered()
  if (saved === "light" || saved === "dark") document.documentElement.dataset.theme = saved
}
systemDark.addEventListener("change", () => document.dispatchEvent(new CustomEvent("mlsys-theme")))

// A page that says nothing of colour schemes is light, whatever the reader's system prefers.
function portalIsDark() {
  const schemes = getComputedStyle(document.documentElement).colorScheme
  return schemes.includes("dark") && (systemDark.matches || !schemes.includes("light"))
}

const isDark = () => {
  if (!OWN_PAGE) return portalIsDark()
  const chosen = document.documentElement.dataset.theme
  return chosen ? chosen === "dark" : systemDark.matches
}

// Gives the element that holds a lab in a portal's page the tokens, and the theme of that page.
function dress(root) {
  adopt(root, ["portal"])
  root.adoptedStyleSheets = [tokens, ...root.adoptedStyleSheets]
  const show = () => { root.host.dataset.theme = isDark() ? "dark" : "light" }
  show()
  document.addEventListener("mlsys-theme", show)
}

const LIGHT_PARTNER = Object.fromEntries(Object.entries(DARK_PARTNER).map(([light, dark]) => [dark, light]))

// Swaps every colour of a plot's models for its partner of the current theme. Colours without a partner stay.
function paint(figure) {
  const partner = isDark() ? DARK_PARTNER : LIGHT_PARTNER
  const swap = (value) => (typeof value === "string" ? partner[value.toLowerCase()] : undefined)
  for (const model of figure.references()) {
    const changes = {}
    for (const property of model) {
      if (property.attr === "palette") {
        const palette = property.get_value()
        const swapped = palette.map((value) => swap(value) ?? value)
        if (swapped.some((value, i) => value !== palette[i])) changes.palette = swapped
      } else if (property.attr.endsWith("color") || property.attr.endsWith("hatch_color")) {
        const value = property.get_value()
        const inner = value !== null && typeof value === "object" && "value" in value
        const swapped = swap(inner ? value.value : value)
        if (swapped !== undefined) changes[property.attr] = inner ? {...value, value: swapped} : swapped
      }
    }
    // Not synchronised: the server keeps the light colours, and one reader's taste is no business of it.
    if (Object.keys(changes).length > 0) model.setv(changes, {sync: false})
  }
}

function themeButton() {
  const label = () => (isDark() ? "Light theme" : "Dark theme")
  const element = h("button", {
    type: "button", class: "quiet", onclick: () => choose(isDark() ? "light" : "dark"),
  }, label())
  document.addEventListener("mlsys-theme", () => { element.textContent = label() })
  return element
}

// --- account.js ---
// Who is signed in, and the way out.

// `account` is {name, role, sign_out, state}; empty where nobody signs in, absent in a snapshot.
function accountBar(account) {
  if (!account?.sign_out) return null
  return h("div", {class: "account"},
    h("span", {class: "who"}, account.name, account.role ? h("span", {class: "role"}, account.role) : null),
    // A form, because a link could be followed by a page of another site.
    h("form", {method: "post", action: account.sign_out}, h("button", {class: "quiet"}, "Sign out")))
}

// Whether the sign-in of this browser is over. A server that does not answer leaves it open.
async function signInIsOver(account) {
  if (!account?.sign_out) return false
  try {
    const answer = await fetch(account.state, {cache: "no-store"})
    return answer.ok && !(await answer.json()).signed_in
  } catch {
    return false
  }
}

// --- embed.js ---
// A page in a frame of a portal tells the portal's page how high it is, so that the frame needs no scroll bar.
// The page says who it is and who may know: {lab, portals}.
const embedding = document.querySelector("meta[name=mlsys-labs-embed]")

if (embedding !== null && window.parent !== window) {
  const {lab, portals} = JSON.parse(embedding.content)
  // Where the browser tells who the parent is, nobody else is addressed: it would complain of each that is not.
  const parent = window.location.ancestorOrigins?.[0]
  const listeners = [window.location.origin, ...portals].filter((origin) => !parent?.startsWith("http") || origin === parent)
  let told = 0
  new ResizeObserver(() => {
    const height = Math.ceil(document.body.getBoundingClientRect().height)
    if (height === told) return
    told = height
    for (const origin of listeners) window.parent.postMessage({type: "mlsys-labs:height", lab, height}, origin)
  }).observe(document.body)
}

// --- connection.js ---
// The way to the server: the page says when it is lost, looks whether it is back, and then goes on by itself.

const FIRST_LOOK_MS = 1500
const LONGEST_WAIT_MS = 15000
// A class that has lost the server together comes back over this time, not all of it in one second.
const SPREAD_MS = 8000
// Whoever has typed, or has moved a slider by keyboard, is left alone for so long.
const TYPING_MS = 20000
const MOVING_MS = 1500
// What a page remembers for the one that replaces it is believed for so long.
const RETURN_MS = 60000
const RETURN_KEY = "mlsys-return"

// A page that the browser took out of its memory has lost its session: it is fetched anew.
window.addEventListener("pageshow", (event) => { if (event.persisted) window.location.reload() })

const pause = (ms) => new Promise((resolve) => window.setTimeout(resolve, ms))

// Whether the server answers: asked for something small that every page has loaded from it.
async function answers(server) {
  try {
    const {ok, type} = await fetch([...document.querySelectorAll("script[src]")].find((script) => script.src.startsWith(server || window.location.origin)).src, {method: "HEAD", mode: "no-cors", cache: "no-store"})
    return ok || type === "opaque"
  } catch {
    return false
  }
}

// What the reader's hands are doing; a reload must not tear it from them.
const hands = {holds: false, movedAt: -Infinity, typedAt: -Infinity}
const isSlider = (element) => element instanceof HTMLInputElement && element.type === "range"
const isField = (element) => element instanceof HTMLTextAreaElement ||
  (element instanceof HTMLInputElement && ["text", "number", "search"].includes(element.type))
const onTarget = (type, act) => window.addEventListener(type, (event) => act(event.composedPath()[0]), {capture: true, passive: true})
onTarget("pointerdown", (target) => { hands.holds = isSlider(target) })
onTarget("pointerup", () => { hands.holds = false })
onTarget("pointercancel", () => { hands.holds = false })
onTarget("keydown", (target) => { if (isSlider(target)) hands.movedAt = performance.now() })
onTarget("input", (target) => { if (isField(target)) hands.typedAt = performance.now() })

function focused(root = document) {
  const element = root.activeElement
  return element?.shadowRoot ? focused(element.shadowRoot) ?? element : element
}

function busy() {
  const now = performance.now()
  if (hands.holds || now - hands.movedAt < MOVING_MS) return "let go of the slider"
  return isField(focused()) && now - hands.typedAt < TYPING_MS ? "have finished typing" : ""
}

// Tab and place on the page travel to the page that replaces this one; all else is in the ledger.
function remember(tab, top) {
  const {pathname} = window.location
  try {
    window.sessionStorage.setItem(RETURN_KEY, JSON.stringify({pathname, tab, top, at: Date.now()}))
  } catch {
    // A browser without this memory starts at the top.
  }
}

function whereItWas() {
  try {
    const found = JSON.parse(window.sessionStorage.getItem(RETURN_KEY))
    window.sessionStorage.removeItem(RETURN_KEY)
    return found?.pathname === window.location.pathname && Date.now() - found.at < RETURN_MS ? found : null
  } catch {
    return null
  }
}

// Scrolls to where the reader was, once what the page shows has grown long enough; not against a reader who scrolls
// meanwhile.
function scrollBack(content, top) {
  const root = document.documentElement
  const stop = new AbortController()
  const grown = new ResizeObserver(() => {
    if (root.scrollHeight - window.innerHeight < top) return
    window.scrollTo({top, behavior: "instant"})
    stop.abort()
  })
  stop.signal.addEventListener("abort", () => grown.disconnect())
  for (const type of ["wheel", "touchmove", "keydown", "pointerdown"]) {
    window.addEventListener(type, () => stop.abort(), {signal: stop.signal, passive: true})
  }
  grown.observe(content)
  window.setTimeout(() => stop.abort(), RETURN_MS / 4)
}

// `server` is the origin of the labs in a page that loads scripts from elsewhere, too; empty in a page of ours.
function connectionNotice(document, {account, server = "", tabShown = () => ""} = {}) {
  // The region stays in the page, so that a screen reader hears what enters it.
  const element = h("div", {class: "connection", role: "alert"})
  let said = ""
  const say = (text, ...parts) => {
    if (text === said) return
    said = text
    element.replaceChildren(...(text ? [h("span", {}, text), ...parts] : []))
  }
  const reload = () => {
    // What is read has moved down by the height of this notice, which will be gone.
    remember(tabShown(), Math.max(0, window.scrollY - element.offsetHeight))
    window.location.reload()
  }
  const now = h("button", {type: "button", class: "small", onclick: reload}, "Go on now")
  const signIn = h("button", {type: "button", class: "small", onclick: reload}, "Sign in and go on")
  let turn = 0
  const comeBack = async (mine) => {
    let wait = FIRST_LOOK_MS
    for (;;) {
      await pause(wait * (0.75 + Math.random() / 2))
      if (mine !== turn) return
      if (await signInIsOver(account)) return say("Your sign-in is over. What you did is kept.", signIn)
      if (!await answers(server)) {
        say("Connection lost. What you did up to here is kept. Until the server is back, changes have no effect.")
        wait = Math.min(2 * wait, LONGEST_WAIT_MS)
        continue
      }
      const due = performance.now() + Math.random() * SPREAD_MS
      while (mine === turn && (busy() || performance.now() < due)) {
        const until = busy()
        say(`The server is back. What you did is kept. This page goes on by itself ${until ? `when you ${until}` : "in a few seconds"}.`, now)
        await pause(200)
      }
      if (mine !== turn) return
      // It may have gone again meanwhile: a browser's own error page would not come back by itself.
      if (await answers(server)) return reload()
      wait = FIRST_LOOK_MS
    }
  }
  // The client tries once by itself to take up its session; further attempts of a whole class would all fall together.
  const tries = (on) => document.config.setv({reconnect_session: on}, {sync: false})
  document.on_event("connection_lost", () => {
    tries(false)
    say("Connection lost. What you did up to here is kept. Until the server is back, changes have no effect.")
    comeBack(++turn)
  })
  document.on_event("client_reconnected", () => {
    turn += 1
    tries(true)
    say("")
  })
  return element
}

// --- questions.js ---
// Questions with an answer to commit to: by radio options, or by a number. Shared by the prediction lock, the
// reflection, and the second vote of a class.

// options: [{id, text}]; returns the fieldset and a function that reads the chosen id (or null).
function choices(question, options, {disabled = false, chosen = null, onchange = () => {}} = {}) {
  const name = uniqueId("choice")
  const inputs = options.map((option) => h("input", {
    type: "radio", name, value: option.id, checked: option.id === chosen, disabled, onchange,
  }))
  const element = h("fieldset", {class: "choices"},
    h("legend", {trusted: question}),
    options.map((option, i) => h("label", {class: "choice"}, inputs[i], h("span", {trusted: option.text}))))
  return {element, read: () => inputs.find((input) => input.checked)?.value ?? null}
}

const grouped = (number) => number.toLocaleString("en", {maximumFractionDigits: 10})

// A number in a stated range; Enter does what the button does.
function entry(question, {low, high, step, unit}, {disabled, chosen, onchange, onenter}) {
  const id = uniqueId("number")
  const range = `from ${grouped(low)} to ${grouped(high)} ${unit}`
  const problem = h("p", {class: "problem", role: "alert"})
  const input = h("input", {
    id, type: "number", inputmode: "decimal", min: low, max: high, step, disabled, value: chosen ?? "",
    "aria-describedby": `${id}-range`,
  })
  const read = () => input.valueAsNumber >= low && input.valueAsNumber <= high ? input.valueAsNumber : null
  input.addEventListener("input", () => {
    problem.textContent = input.value !== "" && read() === null ? `Enter a number ${range}.` : ""
    onchange()
  })
  input.addEventListener("keydown", (event) => { if (event.key === "Enter") onenter() })
  const element = h("div", {class: "number"},
    h("label", {for: id, trusted: question}),
    h("div", {class: "entry"}, input, h("span", {class: "unit"}, unit),
      h("span", {id: `${id}-range`, class: "hint"}, range)), problem)
  return {element, read}
}

// The form of a prediction of either kind, and the button that commits to it: {form, button}. `commit` gets the answer.
function ballot(model, label, {disabled = false, chosen = null, commit}) {
  const button = h("button", {type: "button", class: "primary", disabled: true}, label)
  const onchange = () => { button.disabled = asked.read() === null }
  const send = () => { if (!button.disabled) commit(asked.read()) }
  const asked = model.options.length > 0
    ? choices(model.question, model.options, {disabled, chosen, onchange})
    : entry(model.question, model.range, {disabled, chosen, onchange, onenter: send})
  button.addEventListener("click", send)
  return {form: asked.element, button}
}

// --- callout.js ---
// Text that the suite's authors wrote: stakeholder messages and the four kinds of callout.

const Callout = component(["callout"], ({model}) => {
  const title = h("p", {class: "callout-title"})
  const body = h("div", {class: "callout-body"})
  const element = h("section")
  const show = () => {
    element.className = `callout ${model.kind}`
    title.replaceChildren(icon(model.kind), h("span", {}, model.title))
    title.hidden = !model.title
    body.innerHTML = model.html
  }
  element.append(title, body)
  show()
  return {element, update: {html: show, title: show, kind: show}}
})

const StakeholderMessage = component(["callout"], ({model}) => {
  const role = h("figcaption", {class: "role"})
  const body = h("blockquote")
  const avatar = h("span", {class: "avatar", "aria-hidden": "true"})
  const show = () => {
    role.textContent = model.role
    avatar.textContent = model.role.slice(0, 1)
    body.innerHTML = model.html
  }
  show()
  return {element: h("figure", {class: "message"}, avatar, h("div", {}, role, body)), update: {html: show, role: show}}
})

// --- action.js ---
// A single button for the way on.

const Action = component(["question"], ({model}) => {
  const button = h("button", {type: "button", class: "primary", onclick: () => model.send_msg({type: "action"})})
  const hint = h("span", {class: "hint"})
  const show = () => {
    button.textContent = model.label
    hint.textContent = model.hint
  }
  show()
  return {element: h("div", {class: "actions"}, button, hint), update: {label: show, hint: show}}
})

// --- prediction.js ---
// The prediction lock and what comes of it: predicted against actual.

const PredictionLock = component(["question"], ({model}) => {
  const element = h("section", {class: "panel question", "aria-label": "Prediction"})
  const show = () => {
    const locked = model.locked
    const heading = h("p", {class: "eyebrow"}, locked ? "Your prediction, locked" : "Commit to a prediction")
    const note = h("p", {class: "hint"}, locked
      ? "A locked prediction stays. “Start over” clears the lab; the ledger keeps your first attempt."
      : "No instrument is shown before you commit. Once locked, a prediction cannot be changed.")
    const {form, button} = ballot(model, "Lock prediction", {
      disabled: locked, chosen: locked ? model.chosen : null,
      commit: (value) => model.send_msg({type: "lock", value}),
    })
    element.replaceChildren(heading, form, h("div", {class: "actions"}, locked ? null : button, note))
  }
  show()
  return {element, update: {locked: show, chosen: show, question: show, options: show, range: show}}
})

const PredictionOverlay = component(["question"], ({model}) => {
  const element = h("section", {class: "overlay panel appear", role: "status", "aria-label": "Predicted and actual"})
  const show = () => {
    const kind = model.correct ? "success" : "warn"
    element.className = `overlay panel appear ${kind}`
    element.replaceChildren(
      h("p", {class: "overlay-title"}, icon(kind), h("span", {}, model.correct ? "Your prediction holds" : "The gap")),
      h("dl", {class: "gap"},
        h("div", {}, h("dt", {}, "You predicted"), h("dd", {}, model.predicted)),
        h("div", {}, h("dt", {}, "The model gives"), h("dd", {}, model.actual)),
        h("div", {}, h("dt", {}, "Off by"), h("dd", {}, model.gap))),
      h("div", {trusted: model.html}))
  }
  show()
  return {element, update: {html: show, predicted: show, actual: show, gap: show, correct: show}}
})

// --- reflection.js ---
// A reflection question: four options, feedback to each of them.

const Reflection = component(["question"], ({model}) => {
  const element = h("section", {class: "panel question", "aria-label": "Reflection"})
  const feedback = h("div", {role: "status"})
  const showFeedback = () => {
    if (!model.chosen) return feedback.replaceChildren()
    const kind = model.correct ? "success" : "warn"
    feedback.replaceChildren(h("div", {class: `feedback ${kind} appear`},
      h("p", {class: "overlay-title"}, icon(kind), h("span", {}, model.correct ? "Right" : "Not this one")),
      h("div", {trusted: model.feedback})))
  }
  const show = () => {
    const answer = h("button", {type: "button", class: "primary", disabled: true}, "Check answer")
    const question = choices(model.question, model.options, {
      chosen: model.chosen, onchange: () => { answer.disabled = false },
    })
    answer.addEventListener("click", () => model.send_msg({type: "answer", value: question.read()}))
    element.replaceChildren(h("p", {class: "eyebrow"}, "Reflection"), question.element,
      h("div", {class: "actions"}, answer), feedback)
    showFeedback()
  }
  show()
  return {element, update: {question: show, options: show, chosen: showFeedback, feedback: showFeedback}}
})

// --- banner.js ---
// Failure states: red when a limit is broken, amber when a design is only missing its target.

const FailureBanner = component(["banner"], ({model}) => {
  // The region stays in the page, so that a screen reader hears what enters it.
  const element = h("div", {class: "banners", role: "alert", "aria-atomic": "true"})
  const show = () => element.replaceChildren(...model.failures.map((failure) =>
    h("div", {class: `banner ${failure.severity}`},
      icon(failure.severity === "danger" ? "danger" : "warn"),
      h("div", {}, h("strong", {}, failure.title), " ", failure.text))))
  show()
  return {element, update: {failures: show}}
})

// --- metrics.js ---
// Readouts: a row of computed quantities, and a table that sets two designs side by side.

const SIGN = {met: "✓ ", violated: "✕ ", caution: "! ", neutral: ""}
const SPOKEN = {met: "limit held", violated: "limit broken", caution: "caution", neutral: ""}

const MetricRow = component(["metrics"], ({model}) => {
  const element = h("dl", {class: "metrics"})
  let cells = []
  // Values change on every step of a slider: the elements stay, only their text is replaced.
  const build = () => {
    cells = model.metrics.map(() => ({
      label: h("dt"), sign: h("span", {class: "sign", "aria-hidden": "true"}), spoken: h("span", {class: "visually-hidden"}),
      value: h("span", {class: "value"}), unit: h("span", {class: "unit"}), note: h("div", {class: "note"}), box: h("div"),
    }))
    element.replaceChildren(...cells.map((cell) => {
      cell.box.append(cell.label, h("dd", {}, cell.sign, cell.value, " ", cell.unit, cell.spoken, cell.note))
      return cell.box
    }))
  }
  const show = () => {
    if (cells.length !== model.metrics.length) build()
    model.metrics.forEach((metric, i) => {
      const cell = cells[i]
      cell.box.className = metric.status
      cell.label.textContent = metric.label
      cell.sign.textContent = SIGN[metric.status]
      cell.spoken.textContent = SPOKEN[metric.status]
      cell.value.textContent = metric.value
      cell.unit.textContent = metric.unit
      cell.note.textContent = metric.note
    })
  }
  show()
  return {element, update: {metrics: show}}
})

const ComparisonRow = component(["metrics"], ({model}) => {
  const element = h("div", {class: "scroll-x panel", tabindex: "0", role: "region"})
  const show = () => {
    element.setAttribute("aria-label", model.title)
    element.replaceChildren(h("table", {},
      h("caption", {}, model.title),
      h("thead", {}, h("tr", {}, model.columns.map((column, i) =>
        h("th", {scope: "col", class: i > 0 ? "num" : null}, column)))),
      h("tbody", {}, model.rows.map((row) => h("tr", {class: row.emphasis ? "emphasis" : null},
        row.cells.map((cell, i) => h(i === 0 ? "th" : "td", {scope: i === 0 ? "row" : null, class: i > 0 ? "num" : null}, cell)))))))
  }
  show()
  return {element, update: {rows: show, columns: show, title: show}}
})

// --- peek.js ---
// The math behind the act, rendered from the registered formulas.

const MathPeek = component(["peek"], ({model}) => {
  const formula = (item) => h("section", {class: "formula"},
    h("h4", {}, item.title),
    h("div", {class: "equation scroll-x", tabindex: "0", role: "region", "aria-label": `Equation: ${item.title}`, trusted: item.mathml}),
    h("div", {class: "scroll-x", tabindex: "0", role: "region", "aria-label": `Symbols: ${item.title}`}, h("table", {},
      h("thead", {}, h("tr", {}, ["symbol", "unit", "meaning"].map((name) => h("th", {scope: "col"}, name)))),
      h("tbody", {}, item.variables.map((variable) => h("tr", {},
        h("td", {trusted: variable.symbol}), h("td", {}, variable.unit), h("td", {}, variable.meaning)))))),
    h("p", {}, h("strong", {}, "Valid: "), item.validity),
    h("p", {class: "source"}, item.source))
  const element = h("details", {class: "panel peek"})
  const show = () => element.replaceChildren(
    h("summary", {}, "Math peek: the equations that just ran"), h("div", {trusted: model.html}), ...model.formulas.map(formula))
  show()
  return {element, update: {formulas: show, html: show}}
})

// --- about.js ---
// What the lab's model assumes, what its constants are and where they come from.

const table = (columns, rows) => h("div", {class: "scroll-x", tabindex: "0", role: "region", "aria-label": columns.join(", ")},
  h("table", {},
    h("thead", {}, h("tr", {}, columns.map((column) => h("th", {scope: "col"}, column)))),
    h("tbody", {}, rows.map((row) => h("tr", {}, row.map((cell) => h("td", {}, cell)))))))

const AboutModel = component(["peek"], ({model}) => {
  const element = h("details", {class: "panel about"})
  const show = () => element.replaceChildren(
    h("summary", {}, "About this model: assumptions, constants, sources"),
    h("section", {}, h("h3", {}, "Assumptions and limits"), h("div", {trusted: model.html})),
    h("section", {}, h("h3", {}, "Constants"), table(["name", "value", "meaning", "source"], model.constants)),
    h("section", {}, h("h3", {}, "Ranges of the controls"), table(["control", "range", "why this range"], model.ranges)),
    h("section", {}, h("h3", {}, "Formulas"), table(["name", "validity", "source"], model.formulas)),
    ...(model.source_url ? [h("p", {}, h("a", {href: model.source_url}, "Source of this lab"))] : []))
  show()
  return {element, update: {html: show, constants: show, ranges: show, formulas: show, source_url: show}}
})

// --- controls.js ---
// The controls of an act: native sliders, radio groups and selects.
// Every slider moves over a list of stops whose labels are known here, so its label never waits for the server.

// Sends at most one change at a time: while Python computes, only the newest value waits.
// A slider held down then follows as fast as the server answers, and never queues behind itself.
function sender(model) {
  let sequence = model.acknowledged
  let waiting = null
  let inFlight = false
  const sentAs = {}
  const send = (message) => {
    inFlight = true
    sentAs[message.name] = ++sequence
    model.send_msg({...message, sequence})
  }
  return {
    push(message) {
      if (!inFlight) return send(message)
      if (waiting && waiting.name !== message.name) send(waiting)
      waiting = message
    },
    // A control whose newest value waits or is on its way must not spring back to the one before.
    holds: (name) => waiting?.name === name || sentAs[name] > model.acknowledged,
    acknowledged() {
      if (model.acknowledged < sequence) return
      inFlight = false
      if (waiting) {
        const next = waiting
        waiting = null
        send(next)
      }
    },
  }
}

function slider(spec, id, push) {
  const input = h("input", {id, type: "range", min: 0, max: spec.stops.length - 1, step: 1, "aria-describedby": `${id}-note`})
  const output = h("output", {for: id, class: "value"})
  const entry = spec.entry && h("input", {
    type: "number", class: "value entry", step: "any", min: spec.entry.low, max: spec.entry.high, "aria-label": `${spec.label}, ${spec.entry.unit}`,
  })
  const label = (index) => {
    output.textContent = spec.stops[index]
    input.setAttribute("aria-valuetext", spec.stops[index])
  }
  input.addEventListener("input", () => {
    label(input.valueAsNumber)
    push({type: "set", name: spec.name, index: input.valueAsNumber})
  })
  entry?.addEventListener("change", () => {
    if (entry.checkValidity() && entry.value !== "") push({type: "set", name: spec.name, number: entry.valueAsNumber})
    else entry.reportValidity()
  })
  return {
    element: h("div", {class: "control"},
      h("div", {class: "head"}, h("label", {for: id}, spec.label), entry
        ? h("span", {class: "typed"}, entry, h("span", {class: "unit"}, spec.entry.unit)) : output),
      input,
      h("div", {class: "ends", "aria-hidden": "true"}, h("span", {}, spec.stops[0]), h("span", {}, spec.stops.at(-1)))),
    inputs: [input, entry].filter(Boolean),
    stands: (stop) => input.getAttribute("aria-valuetext") === stop,
    // Moves the slider to a stop, as a hand would.
    go(stop) {
      const index = spec.stops.indexOf(stop)
      if (index < 0 || input.disabled || this.stands(stop)) return
      input.value = index
      input.dispatchEvent(new Event("input"))
    },
    show(value) {
      // A slider in the reader's hand is not pulled back to where the server still believes it to be.
      if (input.getRootNode().activeElement !== input || value.external) input.value = value.index
      label(input.valueAsNumber)
      output.textContent = value.text
      if (entry && entry.getRootNode().activeElement !== entry) entry.value = value.number
    },
  }
}

function radios(spec, id, push) {
  const inputs = spec.options.map((option) => h("input", {
    type: "radio", name: id, value: option.id, onchange: () => push({type: "set", name: spec.name, option: option.id}),
  }))
  return {
    element: h("fieldset", {class: "control", "aria-describedby": `${id}-note`}, h("legend", {}, spec.label),
      h("div", {class: "segments"}, spec.options.map((option, i) => h("label", {class: "segment"}, inputs[i], h("span", {}, option.label))))),
    inputs,
    show(value) { for (const input of inputs) input.checked = input.value === value.option },
  }
}

function select(spec, id, push) {
  const input = h("select", {
    id, "aria-describedby": `${id}-note`, onchange: () => push({type: "set", name: spec.name, option: input.value}),
  }, spec.options.map((option) => h("option", {value: option.id}, option.label)))
  return {
    element: h("div", {class: "control"}, h("div", {class: "head"}, h("label", {for: id}, spec.label)), input),
    inputs: [input],
    show(value) { input.value = value.option },
  }
}

// Buttons that put several sliders to a setting at once.
function shortcuts({label, settings}, parts) {
  const buttons = settings.map((setting) => h("button", {
    type: "button", class: "segment",
    onclick: () => { for (const [name, stop] of Object.entries(setting.stops)) parts()[name].go(stop) },
  }, setting.label))
  return {
    element: h("fieldset", {class: "control"}, h("legend", {}, label), h("div", {class: "segments"}, buttons)),
    show() {
      settings.forEach(({stops}, i) => {
        const stands = Object.entries(stops).every(([name, stop]) => parts()[name].stands(stop))
        buttons[i].setAttribute("aria-pressed", stands)
      })
    },
  }
}

const KINDS = {slider, radios, select}

const ControlPanel = component(["segments", "controls"], ({model}) => {
  const element = h("form", {class: "controls panel", "aria-label": "Controls", onsubmit: (event) => event.preventDefault()})
  const queue = sender(model)
  let parts = {}
  let groups = []
  const build = () => {
    parts = {}
    groups = []
    const reset = h("button", {type: "button", class: "quiet small", onclick: () => queue.push({type: "reset"})}, "Reset controls")
    element.replaceChildren(
      h("div", {class: "controls-head"}, h("h3", {}, "Controls"), reset),
      ...model.controls.map((spec) => {
        const id = uniqueId("control")
        const part = KINDS[spec.kind](spec, id, queue.push)
        const note = h("p", {class: "note", id: `${id}-note`})
        part.element.append(note)
        if (spec.remark) part.element.append(h("p", {class: "remark"}, spec.remark))
        parts[spec.name] = {...part, note}
        if (!spec.shortcuts) return part.element
        const group = shortcuts(spec.shortcuts, () => parts)
        groups.push(group)
        return [group.element, part.element]
      }).flat())
    showValues()
    showLimits()
  }
  const showValues = () => {
    for (const [name, value] of Object.entries(model.values)) if (!queue.holds(name)) parts[name]?.show(value)
    for (const group of groups) group.show()
  }
  // limits: {name: {reason} | {options: {id: reason}}}: a whole control, or single options, out of reach for now.
  const showLimits = () => {
    for (const [name, part] of Object.entries(parts)) {
      const limit = model.limits[name] ?? {}
      const reasons = new Set()
      for (const input of part.inputs) {
        const reason = limit.reason ?? limit.options?.[input.value]
        if (input.type === "radio") input.disabled = reason !== undefined
        else input.disabled = limit.reason !== undefined
        if (reason !== undefined) reasons.add(reason)
        input.closest("label")?.classList.toggle("unavailable", input.disabled)
      }
      for (const option of part.inputs[0]?.options ?? []) {
        option.disabled = limit.options?.[option.value] !== undefined
        if (option.disabled) reasons.add(limit.options[option.value])
      }
      part.note.textContent = [...reasons].join(" ")
    }
  }
  build()
  return {
    element,
    update: {controls: build, values: showValues, limits: showLimits, acknowledged() { queue.acknowledged(); showValues() }},
  }
})

// --- plot.js ---
// A plot on screen: Bokeh makes its models from the drawing that came as text; columns and axes are put into them.

const SIDES = [["x", "x_range", "below"], ["y", "y_range", "left"]]

const sameColumn = (a, b) => a === b || (a.length === b.length && a.every((value, i) => Object.is(value, b[i])))
const sameAxis = (a, b) => a !== undefined && JSON.stringify(a) === JSON.stringify(b)

function writeAxis(figure, [side, range, place], [label, low, high, ticks]) {
  const axis = figure[place].find((renderer) => "axis_label" in renderer)
  figure[range].setv({start: low, end: high, reset_start: low, reset_end: high})
  if (axis.axis_label !== label) {
    axis.axis_label = label
    for (const tool of figure.toolbar.tools) {
      if (tool.type !== "HoverTool") continue
      tool.tooltips = tool.tooltips.map(([said, value]) => [value.startsWith(`@${side}`) ? label : said, value])
    }
  }
  if (ticks.length === 0) return
  axis.ticker.setv({ticks: ticks.map(([at]) => at)})
  axis.major_label_overrides = new Map(ticks)
}

class DrawnPlot {
  // `box` is the element that the plot fills; `drawing` as `components.instruments.figure` describes it.
  constructor(box, {blueprint, columns, axes}) {
    const drawn = JSON.parse(blueprint)
    this.box = box
    this.drawing = {columns, axes}
    this.document = Bokeh.require("document").Document.from_json(drawn.document)
    this.figure = this.document.get_model_by_id(drawn.figure)
    this.sources = drawn.sources.map((id) => this.document.get_model_by_id(id))
  }

  // Puts the plot into its box, in the colours of the present theme.
  async place() {
    this.repaint()
    const views = await Bokeh.embed.add_document_standalone(this.document, this.box, [], false)
    const view = views.get_by_id(this.figure.id)
    // Another drawing may have taken its place meanwhile.
    if (this.removed) return view.remove()
    this.view = view
    this.fit()
  }

  repaint() { paint(this.figure) }

  // What has changed since the drawing. Only columns and axes that are not on screen yet touch the models.
  feed({columns = {}, axes = this.drawing.axes}) {
    this.sources.forEach((source, layer) => {
      const fresh = {...this.drawing.columns[layer], ...columns[layer]}
      const same = Object.keys(fresh).every((name) => sameColumn(source.data[name], fresh[name]))
      if (!same) source.data = fresh
    })
    SIDES.forEach((side, i) => {
      if (!sameAxis(this.axes?.[i], axes[i])) writeAxis(this.figure, side, axes[i])
    })
    this.axes = axes
  }

  // The name under which the save tool saves; without one it asks.
  entitle(title) {
    const filename = title.replace(/[^\p{L}\p{N}]+/gu, "-")
    for (const tool of this.figure.toolbar.tools) if (tool.type === "SaveTool") tool.filename = filename
  }

  // Measures this plot and no other, when its box has changed.
  fit() {
    // Before its first drawing a plot has no layout to fit; it takes its size from the box then.
    if (this.view?.layout === undefined || this.box.clientWidth === 0) return
    this.view.measure_layout()
    this.view.update_bbox()
    this.view._compute_layout()
    this.view.after_layout()
  }

  // The tools of a plot come with the pointer; the keyboard's focus brings them, too.
  showTools(shown) { this.view?.[shown ? "mouseenter" : "mouseleave"]?.emit() }

  remove() {
    this.removed = true
    this.view?.remove()
    // Bokeh keeps every document that it has drawn.
    const at = Bokeh.documents.indexOf(this.document)
    if (at >= 0) Bokeh.documents.splice(at, 1)
  }
}

// --- figure.js ---
// A plot with its title and a caption that says in words what it shows; and the grid that holds an act's parts.

const Figure = component(["figure"], ({model}) => {
  const id = uniqueId("figure")
  const title = h("h3", {id})
  const caption = h("figcaption")
  const box = h("div", {class: "plot"})
  const key = h("ul", {class: "key"})
  let plot
  const show = () => {
    title.textContent = model.title
    caption.textContent = model.caption
    key.replaceChildren(...model.key.map(([label, token]) =>
      h("li", {}, h("span", {class: "swatch", style: `background: var(--${token})`}), label)))
  }
  const feed = () => plot.feed(model.changes)
  const draw = () => {
    plot?.remove()
    plot = new DrawnPlot(box, model.drawing)
    plot.entitle(model.title)
    feed()
    plot.place()
  }
  show()
  draw()
  const repaint = () => plot.repaint()
  document.addEventListener("mlsys-theme", repaint)
  const tools = (shown) => ({relatedTarget}) => { if (!box.contains(relatedTarget)) plot.showTools(shown) }
  box.addEventListener("focusin", tools(true))
  box.addEventListener("focusout", tools(false))
  const fit = new ResizeObserver(() => plot.fit())
  fit.observe(box)
  model.on("remove", () => {
    document.removeEventListener("mlsys-theme", repaint)
    fit.disconnect()
    plot.remove()
  })
  return {
    element: h("figure", {class: "panel figure", "aria-labelledby": id}, title, key, box, caption),
    update: {title: show, caption: show, key: show, drawing: draw, changes: feed},
  }
})

const Workbench = component(["figure"], ({model}) => {
  const slot = (name) => h("div", {class: name}, model.get_child(name))
  return {element: h("div", {class: "workbench"}, slot("side"), slot("main"))}
})

const Columns = component(["figure"], ({model}) =>
  ({element: h("div", {class: "columns"}, model.get_child("items"))}))

const Stack = component(["figure"], ({model}) => {
  const element = h("div", {class: "stack"})
  // What stays is not touched: taking an element out and putting it back would drop the keyboard's focus.
  const show = () => {
    const items = model.get_child("items")
    for (const child of [...element.children]) if (!items.includes(child)) child.remove()
    items.forEach((item, i) => { if (element.children[i] !== item) element.insertBefore(item, element.children[i] ?? null) })
  }
  show()
  return {element, update: {items: show}}
})

// --- ledger.js ---
// The Ledger tab: what was decided, and how to take it along.

function download(name, text, type) {
  const url = URL.createObjectURL(new Blob([text], {type}))
  const link = h("a", {href: url, download: name})
  link.click()
  URL.revokeObjectURL(url)
}

const bytes = (count) => `${count.toLocaleString("en")} bytes`

// Radio groups that stay in the page while answers arrive: rebuilding them would drop the keyboard's focus.
function questionList(model) {
  const element = h("div")
  let inputs = {}
  let built = ""
  const build = () => {
    inputs = {}
    element.replaceChildren(...model.questions.map((question) => {
      inputs[question.id] = question.options.map((option) => h("input", {
        type: "radio", name: question.id, value: option.id,
        onchange: () => model.send_msg({type: "decide", name: question.id, value: option.id}),
      }))
      return h("fieldset", {class: "segments-field"}, h("legend", {}, question.text),
        h("div", {class: "segments"}, question.options.map((option, i) =>
          h("label", {class: "segment"}, inputs[question.id][i], h("span", {}, option.label)))))
    }))
  }
  const show = () => {
    const wanted = JSON.stringify(model.questions.map(({id, text, options}) => [id, text, options]))
    if (wanted !== built) build()
    built = wanted
    for (const question of model.questions) {
      for (const input of inputs[question.id]) input.checked = input.value === question.chosen
    }
  }
  show()
  return {element, show}
}

const LedgerPanel = component(["segments", "ledger"], ({model}) => {
  const note = h("div", {role: "status", class: "status"})
  const questions = questionList(model)
  const rows = h("tbody")
  const table = h("div", {class: "scroll-x", tabindex: "0", role: "region", "aria-label": "Design"}, h("table", {},
    h("thead", {}, h("tr", {},
      h("th", {scope: "col"}, "Field"), h("th", {scope: "col", class: "num"}, "Value"), h("th", {scope: "col"}, "Unit"))),
    rows))
  const save = h("button", {type: "button", class: "primary", onclick: () => model.send_msg({type: "save"})}, "Save to ledger")
  const hint = h("span", {class: "hint"})
  const grading = h("p", {class: "grading"})
  const file = h("input", {type: "file", accept: model.formats.map((format) => `.${format}`).join(), class: "visually-hidden", tabindex: "-1", "aria-label": "Ledger file to import"})
  file.addEventListener("change", async () => {
    const chosen = file.files[0]
    // The server would end the connection over a message that is far too large.
    if (chosen && model.most_bytes && chosen.size > model.most_bytes) {
      tell("danger", `The file has ${bytes(chosen.size)}; a ledger has at most ${bytes(model.most_bytes)}. Nothing was imported.`)
    } else if (chosen) model.send_msg({type: "import", name: chosen.name, text: await chosen.text()})
    file.value = ""
  })
  const tell = (kind, text) => {
    note.className = `status ${kind}`
    note.textContent = text
  }
  const say = () => tell(model.notice_kind, model.notice)
  const show = () => {
    rows.replaceChildren(...model.rows.map((row) => h("tr", {},
      h("th", {scope: "row"}, row[0], " ", h("code", {}, row[3])), h("td", {class: "num"}, row[1]), h("td", {}, row[2]))))
    table.hidden = model.rows.length === 0
    save.disabled = !model.can_save
    hint.textContent = model.save_hint
    grading.textContent = model.grading
    grading.hidden = !model.grading
  }
  show()
  say()
  model.on("msg:custom", (data) => {
    if (data.type === "download") download(data.name, data.text, data.mime)
  })
  return {
    element: h("section", {class: "ledger"},
      h("div", {class: "panel"},
        h("h2", {}, "Your design, as it will be recorded"), questions.element, table, grading, h("div", {class: "actions"}, save, hint)),
      note,
      h("div", {class: "panel"},
        h("h2", {}, "Take it along"),
        h("p", {}, `The file holds every lab you have saved ${model.place}. Importing merges it: of two entries for one lab the newer stays.`),
        h("div", {class: "actions"},
          model.formats.map((format) => button(model, `Export ${format.toUpperCase()}`, {type: "export", format})),
          h("button", {type: "button", onclick: () => file.click()}, "Import file…"), file)),
      h("div", {class: "panel"},
        h("h2", {}, "Begin again"),
        h("p", {}, "Starting over clears this lab and counts a new attempt; erasing your work clears every lab. Your first predictions stay on record."),
        h("div", {class: "actions"},
          confirmed("Start this lab over", "Really start over?", () => model.send_msg({type: "start_over"})),
          confirmed("Erase my work in every lab", "Really erase every lab?", () => model.send_msg({type: "erase_all"})))),
      model.forget ? h("div", {class: "panel"},
        h("h2", {}, "Be forgotten"),
        h("p", {}, "The server holds your answers, a log of what you did in the labs, and the name that a sign-in gave, if you have one. Erasing removes all of it, the record of your first predictions included, and signs this browser out. It cannot be undone: export first what you want to keep."),
        h("div", {class: "actions"},
          confirmed("Erase everything the server holds of me", "Really erase everything?", () => post(model.forget)))) : null),
    update: {rows: show, questions: questions.show, can_save: show, save_hint: show, notice: say, notice_kind: say},
  }
})

// Goes to an address that changes something: never by a link, which any page could have made.
function post(address) {
  const form = h("form", {method: "post", action: address, hidden: true})
  document.body.append(form)
  form.submit()
}

// Two clicks for what cannot be undone; the second offer lapses.
function confirmed(label, question, act) {
  let armed = false
  const element = h("button", {type: "button"}, label)
  const disarm = () => {
    armed = false
    element.textContent = label
    element.classList.remove("armed")
  }
  element.addEventListener("click", () => {
    if (armed) {
      disarm()
      act()
      return
    }
    armed = true
    element.textContent = question
    element.classList.add("armed")
    window.setTimeout(disarm, 5000)
  })
  return element
}

// --- report.js ---
// The report that closes a course: shown as it will be printed, printed alone, or saved as a file of its own.

// The article of a report and its style sheet, as nodes of this page.
function partsOf(text) {
  const parsed = new DOMParser().parseFromString(text, "text/html")
  return [parsed.querySelector("style"), parsed.querySelector("article")].map((part) => document.importNode(part, true))
}

const ALONE = "@media screen { .printed-report { display: none; } } @media print { body > :not(.printed-report) { display: none !important; } }"

// Prints the report and nothing else of the page. It lies in the page only as long as that takes.
function printAlone(text) {
  document.querySelector(".printed-report")?.remove()
  const sheet = h("div", {class: "printed-report"}, h("style", {}, ALONE), ...partsOf(text))
  document.body.append(sheet)
  window.addEventListener("afterprint", () => sheet.remove(), {once: true})
  window.print()
}

const ReportPanel = component(["ledger", "report"], ({model}) => {
  const sheet = h("div", {class: "paper-sheet"})
  const hint = h("span", {class: "hint"})
  const show = () => {
    sheet.replaceChildren(...(model.page ? partsOf(model.page) : []))
    hint.textContent = model.hint
  }
  show()
  return {
    element: h("section", {class: "panel", "aria-label": "Report"},
      h("h2", {}, "Your report on one page"),
      h("p", {}, "Your predictions, how well they were calibrated, and your design before its audits. Print it, or save it as a page that opens anywhere without a network."),
      h("div", {class: "actions"},
        h("button", {type: "button", class: "primary", onclick: () => download(model.file_name, model.page, "text/html")}, "Save report"),
        h("button", {type: "button", onclick: () => printAlone(model.page)}, "Print"), hint),
      h("div", {class: "paper no-print", tabindex: "0", role: "region", "aria-label": "Preview of the report"}, sheet)),
    update: {page: show, hint: show},
  }
})

// --- frame.js ---
// The frame of every lab: header with live badges, context toggle, tabs, and the footer that sums up.

const BADGE = {
  locked: {sign: "–", spoken: "not yet measured"}, met: {sign: "✓", spoken: "holds"},
  violated: {sign: "✕", spoken: "violated"},
}

function badges(model) {
  const list = h("ul", {class: "badges", "aria-label": "Constraints"})
  const show = () => list.replaceChildren(...model.badges.map((badge) =>
    h("li", {class: badge.status}, h("span", {class: "sign", "aria-hidden": "true"}, BADGE[badge.status].sign), badge.label,
      h("span", {class: "visually-hidden"}, `: ${BADGE[badge.status].spoken}`))))
  show()
  return {list, show}
}

function contextToggle(model) {
  const name = uniqueId("context")
  const note = h("p", {class: "context-note"})
  const inputs = model.contexts.map((context) => h("input", {
    type: "radio", name, value: context.id, onchange: () => model.send_msg({type: "context", value: context.id}),
  }))
  const element = h("fieldset", {class: "context"}, h("legend", {}, "Context"),
    h("div", {class: "segments"}, model.contexts.map((context, i) =>
      h("label", {class: `segment regime-${context.regime}`}, inputs[i], h("span", {}, context.label)))), note)
  const show = () => {
    for (const input of inputs) input.checked = input.value === model.context
    note.textContent = model.contexts.find((context) => context.id === model.context)?.note ?? ""
  }
  show()
  return {element, show}
}

// The tabs of the WAI-ARIA pattern: arrow keys move, locked tabs stay reachable so that a reader learns what unlocks them.
function tabs(model) {
  const base = uniqueId("tab")
  const slots = {}
  const buttons = {}
  let shown = null
  let asked = 0
  const show = (id, focus) => {
    shown = id
    for (const [key, control] of Object.entries(buttons)) {
      const selected = key === id
      control.setAttribute("aria-selected", String(selected))
      control.tabIndex = selected ? 0 : -1
      slots[key].hidden = !selected
      if (selected && focus) control.focus()
    }
  }
  const select = (id, focus = false) => {
    const changed = id !== shown
    show(id, focus)
    if (changed) model.send_msg({type: "tab", value: id, sequence: ++asked})
  }
  const order = model.tabs.map((tab) => tab.id)
  for (const {id, label} of model.tabs) {
    buttons[id] = h("button", {
      type: "button", role: "tab", id: `${base}-${id}`, "aria-controls": `${base}-${id}-panel`, onclick: () => select(id),
      onkeydown: (event) => {
        const at = order.indexOf(id)
        const to = {ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: order.length - 1}[event.key]
        if (to === undefined) return
        event.preventDefault()
        select(order[(to + order.length) % order.length], true)
      },
    }, h("span", {}, label), h("span", {class: "lock"}, lockIcon()), h("span", {class: "visually-hidden"}))
    slots[id] = h("div", {
      role: "tabpanel", id: `${base}-${id}-panel`, "aria-labelledby": `${base}-${id}`, class: "tabpanel",
    }, h("p", {class: "locked-note panel"}), model.get_child(id))
  }
  const showLocks = () => {
    for (const {id, locked} of model.tabs) {
      buttons[id].classList.toggle("is-locked", locked !== "")
      buttons[id].children[1].hidden = locked === ""
      buttons[id].children[2].textContent = locked ? ", locked" : ""
      slots[id].classList.toggle("is-locked", locked !== "")
      slots[id].firstChild.textContent = locked
    }
  }
  // Whoever clicks faster than Python answers is not led back by the answer to an earlier click.
  const showActive = () => {
    if (model.tab_answered >= asked) show(model.active)
  }
  showLocks()
  showActive()
  return {
    slots,
    shown: () => shown,
    select,
    bar: h("div", {role: "tablist", "aria-label": "Parts of the lab", class: "tablist"}, order.map((id) => buttons[id])),
    panels: order.map((id) => slots[id]),
    showLocks,
    showActive,
  }
}

function hud(model) {
  const list = h("dl", {class: "hud-items"})
  const next = h("p", {class: "next", role: "status"})
  const show = () => {
    list.replaceChildren(...model.hud.map((item) =>
      h("div", {class: item.status}, h("dt", {}, item.label), h("dd", {}, item.value))))
    next.textContent = model.next_step
  }
  show()
  return {
    element: h("footer", {class: "hud", "aria-label": "Where you stand"}, list,
      h("div", {class: "hud-side"}, next, h("button", {
        type: "button", class: "small", onclick: () => model.send_msg({type: "open_ledger"}),
      }, "Open ledger"))),
    show,
  }
}

// What is not saved yet. The sentence is announced; the count beside it changes too often for that.
function unsavedLine(model) {
  const said = h("span", {role: "status"})
  const count = h("span", {class: "count"})
  const element = h("div", {class: "unsaved"}, said, count)
  const show = () => {
    const {text = "", changes = 0, since = ""} = model.unsaved ?? {}
    // Hidden from the eye alone: what is not in the page is not announced when it enters.
    element.classList.toggle("visually-hidden", text === "")
    element.classList.toggle("waits", changes > 0)
    const sentence = changes > 0 ? `Not saved yet. ${text}` : text
    if (said.textContent !== sentence) said.textContent = sentence
    const time = since && new Date(since).toLocaleTimeString([], {hour: "2-digit", minute: "2-digit", second: "2-digit"})
    count.textContent = changes > 0 ? `${changes} ${changes === 1 ? "change waits" : "changes wait"} since ${time}` : ""
  }
  show()
  return {element, show}
}

// The page's address carries what a link to this very state needs; Python says what, the browser waits for quiet.
function addressWriter(model) {
  // A portal's address is its own.
  if (model.place === "portal") return () => {}
  let timer = null
  return () => {
    window.clearTimeout(timer)
    timer = window.setTimeout(() => {
      const address = new URL(window.location.href)
      const kept = ["theme", "embed", "launched"].filter((name) => address.searchParams.has(name)).map((name) => [name, address.searchParams.get(name)])
      address.search = new URLSearchParams([...Object.entries(model.address), ...kept]).toString()
      window.history.replaceState(null, "", address)
    }, 400)
  }
}

const LabFrame = component(["segments", "frame", "account"], ({model, view, el}) => {
  // In a portal the page around the lab has its own way back, its own theme and its own margins.
  const embedded = model.place === "frame" || model.place === "portal"
  if (model.place === "portal") dress(el.getRootNode())
  const badgeList = badges(model)
  const toggle = contextToggle(model)
  const tabSet = tabs(model)
  const footer = hud(model)
  const line = unsavedLine(model)
  footer.element.prepend(line.element)
  const notice = h("div", {class: "notices"})
  const showNotices = () => notice.replaceChildren(...model.notices.map((text) => h("p", {class: "notice", role: "status"}, text)))
  showNotices()
  const home = model.home ? h("a", {class: "home", href: model.home}, "← All labs") : null
  const element = h("div", {class: embedded ? "frame embedded" : "frame"},
    // A snapshot has no server to lose.
    view.model.document ? connectionNotice(view.model.document, {account: model.account, server: model.server, tabShown: tabSet.shown}) : null,
    h("header", {class: "lab-header"},
      h("div", {class: "top"}, home, h("span", {class: "eyebrow"}, model.eyebrow), accountBar(model.account), embedded ? null : themeButton()),
      h("div", {class: "columns"},
        h("div", {}, h("h1", {}, model.title), h("p", {class: "core"}, model.question), h("p", {class: "minutes"}, model.minutes)),
        badgeList.list)),
    notice,
    h("div", {class: "bar"}, tabSet.bar, toggle.element),
    h("div", {class: "panels"}, tabSet.panels),
    footer.element)
  // A page that has reloaded itself goes on where the reader was.
  const back = view.model.document ? whereItWas() : null
  if (back) {
    if (back.tab in tabSet.slots && back.tab !== model.active) tabSet.select(back.tab)
    scrollBack(element, back.top)
  }
  return {
    element,
    update: {
      badges: badgeList.show, context: toggle.show, tabs: tabSet.showLocks, active: tabSet.showActive,
      tab_answered: tabSet.showActive,
      hud: footer.show, next_step: footer.show, notices: showNotices, unsaved: line.show, address: addressWriter(model),
    },
  }
})

// --- index.js ---
// The course: both volumes, one card per lab.

const card = (lab) => h("li", {class: `card ${lab.progress}`},
  h(lab.href ? "a" : "div", {class: "face", ...(lab.href ? {href: lab.href, "aria-label": `Lab ${lab.number}: ${lab.title}`} : {})},
    lab.thumbnail ? h("img", {src: lab.thumbnail, alt: "", loading: "lazy", width: 320, height: 180}) : null,
    h("div", {class: "card-body"},
      h("p", {class: "eyebrow"}, `Lab ${lab.number} · ${lab.minutes} min`),
      h("h3", {}, lab.title),
      h("p", {class: "invariant"}, lab.invariant),
      h("ul", {class: "tags", "aria-label": "Contexts"}, lab.contexts.map((context) => h("li", {class: `regime-${context.regime}`}, context.label))),
      h("p", {class: "progress"}, lab.progress_text))))

const CourseIndex = component(["index", "account"], ({model, el}) => {
  const embedded = model.place === "frame" || model.place === "portal"
  if (model.place === "portal") dress(el.getRootNode())
  const element = h("div", {class: embedded ? "course embedded" : "course"})
  const show = () => element.replaceChildren(...[
    h("header", {class: "hero"}, h("div", {class: "top"}, model.home ? h("a", {class: "home", href: model.home}, "← All labs") : null,
      h("span", {class: "eyebrow"}, model.eyebrow), accountBar(model.account), embedded ? null : themeButton()),
      h("h1", {}, model.title), h("p", {class: "lead"}, model.lead), h("p", {class: model.volumes.length ? "summary" : "summary opening"}, model.summary),
      model.your_class ? h("a", {class: "home", href: model.your_class}, "Your class →") : null),
    model.notice ? h("p", {class: "notice", role: "status"}, model.notice) : null,
    ...model.volumes.map((volume) => h("section", {},
      h("h2", {}, volume.title), h("p", {class: "subtitle"}, volume.subtitle), h("ul", {class: "cards"}, volume.labs.map(card))))].filter(Boolean))
  show()
  return {element, update: {volumes: show, summary: show}}
})

// --- unavailable.js ---
// A page that cannot be shown yet: it looks whether it can, and loads itself again.

const FIRST_ASK_MS = 2000
const LONGEST_ASK_MS = 6000
const OPENING_SPREAD_MS = 4000

// Whether the site says that it is ready; a server that does not know the question is asked for the page itself.
async function ready(address) {
  try {
    const {ok, status} = await fetch(address, {cache: "no-store"})
    return ok || status === 404
  } catch {
    return false
  }
}

const Unavailable = component(["unavailable"], ({model}) => {
  const look = async () => {
    const address = new URL(`${model.home || "./"}readyz`, window.location.href)
    for (let wait = FIRST_ASK_MS; ; wait = Math.min(1.5 * wait, LONGEST_ASK_MS)) {
      await pause(wait * (0.75 + Math.random() / 2))
      if (await ready(address)) break
    }
    await pause(Math.random() * OPENING_SPREAD_MS)
    window.location.reload()
  }
  look()
  return {
    element: h("div", {class: "unavailable"},
      h("div", {class: "top"}, model.home ? h("a", {class: "home", href: model.home}, "← All labs") : null, themeButton()),
      h("section", {class: "panel"},
        h("p", {class: "eyebrow"}, model.title),
        h("h1", {}, "The ledger cannot be reached"),
        h("p", {role: "status"}, model.text),
        h("p", {class: "hint"}, "This page looks by itself every few seconds, and opens as soon as it can."),
        h("button", {type: "button", class: "primary", onclick: () => window.location.reload()}, "Try again now"))),
  }
})

// --- classroom/bars.js ---
// Charts of a class as plain elements: bars of options, columns of a number, dots of results. Each says in words what
// it shows, and takes its sizes from the data alone.

const percent = (share) => `${Math.round(100 * share)} %`

function sized(element, property, share) {
  element.style[property] = `${(100 * share).toFixed(2)}%`
  return element
}

const students = (count) => `${count} ${count === 1 ? "student" : "students"}`

// Bars under one another, each with its text and count: they need no other words.
function optionBars(bars, total) {
  return h("ol", {class: "bars"}, bars.map((option) => h("li", {class: option.right ? "right" : ""},
    h("div", {class: "bar-text"}, h("span", {trusted: option.text}), option.right ? h("strong", {class: "verdict"}, "✓ right") : null),
    h("div", {class: "track"}, sized(h("div", {class: "fill"}), "width", total ? option.count / total : 0)),
    h("span", {class: "bar-count num"}, total ? `${option.count} · ${percent(option.count / total)}` : "0"))))
}

// Columns over the range of a number, with the actual value as a line once it is known.
function columns({bars, unit, at, truth, total}) {
  const most = Math.max(1, ...bars.map((bar) => bar.count))
  const filled = bars.filter((bar) => bar.count > 0)
  const words = filled.map((bar) => `${bar.text} ${unit}: ${bar.count}`).join("; ")
  const first = bars[0].text.split(" to ")[0], last = bars.at(-1).text.split(" to ").at(-1)
  return h("div", {class: "columns-chart", role: "img", "aria-label": `${students(total)}. ${words || "No answers yet"}. ${truth}`},
    h("div", {class: "columns-plot"}, bars.map((bar) => h("div", {class: `column ${bar.right ? "right" : ""}`},
      bar.count ? h("span", {class: "num"}, String(bar.count)) : null, sized(h("div", {class: "fill"}), "height", bar.count / most * .85))),
    at === null ? null : sized(h("div", {class: "actual"}, h("span", {class: at > .5 ? "left" : ""}, "actual")), "left", at)),
    h("div", {class: "axis num"}, h("span", {}, first), h("span", {}, `${last} ${unit}`)))
}

// One dot per design, the middle half of the class as a band, the median as a line.
function dots(plot) {
  const tallest = Math.max(...plot.stacks.map(({met, open}) => met + open))
  const stacks = plot.stacks.map(({at, met, open}) => {
    const stack = sized(h("div", {class: "stack"}), "left", at)
    for (let k = 0; k < met + open; k++) {
      const dot = h("div", {class: k < met ? "dot met" : "dot"})
      dot.style.height = `${Math.min(.56, 5.5 / tallest)}rem`
      stack.append(dot)
    }
    return stack
  })
  const [lower, median, upper] = plot.middle
  const band = plot.half ? sized(sized(h("div", {class: "band"}), "left", lower), "width", upper - lower) : ""
  // Where all designs are alike, the stack itself is the median.
  const line = plot.ends.length > 1 ? sized(h("div", {class: "median"}), "left", median) : ""
  return h("div", {class: "dots", role: "img", "aria-label": plot.text},
    h("div", {class: "dots-plot"}, band, line, stacks),
    h("div", {class: "axis num"}, plot.ends.map((end) => h("span", {}, end))),
    plot.scale ? h("p", {class: "hint"}, plot.scale) : null)
}

// A share with its interval on a line from 0 to 100 %.
function interval({share, low, high}) {
  return h("div", {class: "interval", "aria-hidden": "true"},
    sized(sized(h("div", {class: "reach"}), "left", low), "width", high - low), sized(h("div", {class: "point"}), "left", share))
}

// --- classroom/round.js ---
// A class round on a student's page: what everybody waits for, the second vote, and both votes afterwards.

const WAITING = {
  vote: ["Your prediction is locked. Wait for the class.", "The instruments open for everybody at once."],
  discuss: ["Discuss with your neighbours: what did you predict, and why?",
    "Your locked prediction stays. A second vote follows, then the instruments open."],
  revote: ["Vote again", "The ledger keeps your first prediction. You may change this vote until the class goes on."],
}

const ClassRound = component(["question", "classroom"], ({model}) => {
  // The region stays, so that a screen reader hears what the class goes on to.
  const said = h("div", {role: "status"})
  const form = h("div")
  const votes = h("dl", {class: "gap votes"})
  const element = h("section", {class: "panel question class-round", "aria-label": "Class round"},
    h("p", {class: "eyebrow"}, "With the class"), said, form, votes)
  const showVotes = () => votes.replaceChildren(
    ...[{label: "First vote", text: model.first}, {label: "Second vote", text: model.second}]
      .filter((item) => item.text && model.phase !== "vote")
      .map((item) => h("div", {}, h("dt", {}, item.label), h("dd", {trusted: item.text}))))
  const show = () => {
    const [title, hint] = WAITING[model.phase] ?? ["The class has voted", "The instruments are open."]
    said.replaceChildren(h("p", {class: "overlay-title"}, title), h("p", {class: "hint"}, hint))
    form.replaceChildren()
    if (model.phase === "revote") {
      const asked = ballot(model, "Cast second vote", {
        chosen: model.chosen || null, commit: (value) => model.send_msg({type: "revise", value}),
      })
      form.append(asked.form, h("div", {class: "actions"}, asked.button))
    }
    showVotes()
  }
  show()
  return {element, update: {phase: show, first: showVotes, second: showVotes}}
})

// --- classroom/live.js ---
// The instructor's live view: counts, the class round, where everybody stands, questions, failures, results.

const PHASES = {vote: "Vote", discuss: "Discuss", revote: "Vote again", revealed: "Reveal"}
const SAID = {
  vote: "The class votes. Whoever locks a prediction waits.",
  discuss: "The vote is over: the class discusses.",
  revote: "The class votes again.",
  revealed: "Revealed: the instruments are open.",
}

const names = (line) => line.names.length ? h("p", {class: "names"}, line.names.join(", ")) : null

// Replaces what a part shows and leaves the focus with the button that takes the place of the one that had it.
function redraw(part, children) {
  const focused = part.contains(part.getRootNode().activeElement)
  part.replaceChildren(...children.filter(Boolean))
  if (focused) part.querySelector("button")?.focus()
}

function roundPart(model) {
  const status = h("p", {role: "status", class: "round-status"})
  const phases = h("ol", {class: "phases"})
  const actions = h("div", {class: "actions"})
  const votes = h("div", {class: "round-votes"})
  const ask = (phase, label, kind) => h("button", {
    type: "button", class: kind, onclick: () => model.send_msg({type: "round", value: phase}),
  }, label)
  const buttons = ({next, open}) => {
    if (!open) return [ask("vote", "Open a class round", "primary")]
    const [following, ...others] = next
    const label = {discuss: "End the vote: discuss", revote: "Vote again", revealed: "Reveal to everybody"}[following]
    return [ask(following, label, "primary"), ...others.map((phase) => ask(phase, "Reveal at once", ""))]
  }
  // Of a second vote nothing is drawn before there is one.
  const twice = ({phase, second}) => phase === "revote" || second > 0
  const table = (round) => h("div", {class: "scroll-x", tabindex: "0", role: "region", "aria-label": twice(round) ? "First and second votes" : "Votes"},
    h("table", {}, h("thead", {}, h("tr", {}, (twice(round) ? ["Prediction", "First vote", "Second vote", "Shift"] : ["Prediction", "Vote"]).map((text, k) =>
      h("th", {scope: "col", class: k ? "num" : ""}, text)))),
    h("tbody", {}, round.rows.map((option) => h("tr", {class: option.right ? "right" : ""},
      h("th", {scope: "row"}, h("span", {trusted: option.text}), option.right ? h("strong", {class: "verdict"}, "✓ right") : null),
      h("td", {class: "num"}, pairBar("first", option.first, round.first)),
      twice(round) ? [h("td", {class: "num"}, pairBar("second", option.second, round.second)), h("td", {class: "num"}, round.second ? option.shift : "–")] : null)))))
  const show = () => {
    const round = model.round
    const over = round.number > 0 && !round.open && round.phase !== "revealed"
    const said = round.number === 0 ? "No round yet. Open one before the class predicts: first votes are the predictions that students lock."
      : over ? `Round ${round.number} ended by itself after 30 minutes.` : `Round ${round.number}. ${SAID[round.phase]}`
    if (status.textContent !== said) status.textContent = said
    phases.hidden = round.number === 0 || over
    phases.replaceChildren(...Object.entries(PHASES).map(([phase, label]) =>
      h("li", {"aria-current": phase === round.phase ? "step" : null}, label)))
    redraw(actions, buttons(round))
    redraw(votes, round.number === 0 ? [] : [
      h("p", {class: "round-count"}, h("strong", {}, students(round.first)), " voted", twice(round) ? [", ", h("strong", {}, String(round.second)), " a second time"] : null, ".",
        round.rows.length && round.second > 0 && round.second < round.first ? " The shift is among those who voted twice." : null),
      round.covered ? cover(model) : table(round),
      round.moved.length ? h("dl", {class: "moved"}, round.moved.map(({label, count}) => h("div", {}, h("dt", {}, label), h("dd", {class: "num"}, String(count))))) : null,
    ])
  }
  show()
  return {
    element: h("section", {class: "panel wide", "aria-labelledby": "round-title"},
      h("h2", {id: "round-title"}, "Class round on Act I"), phases, status, actions, votes), show,
  }
}

function pairBar(kind, count, total) {
  const fill = h("div", {class: `fill ${kind}`})
  fill.style.width = `${total ? 100 * count / total : 0}%`
  return h("div", {class: "pair"}, h("div", {class: "track"}, fill), h("span", {}, String(count)))
}

const cover = (model) => h("div", {class: "cover"}, h("p", {}, "The votes stay covered while the class casts them."),
  h("button", {type: "button", class: "small", onclick: () => model.send_msg({type: "uncover"})}, "Show the votes all the same"))

function questionPart(model, index) {
  const {id, title, question} = model.questions[index]
  const item = {question}
  const toggle = h("button", {type: "button", class: "small", onclick: () => model.send_msg({type: "reveal", value: id})})
  const body = h("div", {class: "answers"})
  const total = h("span", {class: "total"})
  const show = () => {
    const asked = model.questions[index]
    toggle.textContent = asked.revealed ? "Hide what is right" : "Reveal what is right"
    toggle.setAttribute("aria-pressed", String(asked.revealed))
    total.textContent = `${students(asked.total)}`
    redraw(body, [
      asked.covered ? cover(model) : asked.numeric ? columns(asked) : optionBars(asked.bars, asked.total),
      asked.other ? h("p", {class: "hint"}, `${asked.other} more from an older version of this question.`) : null,
      asked.truth ? h("p", {class: "truth"}, asked.truth) : null,
    ])
  }
  show()
  return {
    element: h("section", {class: "panel", "aria-label": title},
      h("div", {class: "panel-head"}, h("h2", {}, title), total, toggle), h("div", {class: "asked", trusted: item.question}), body), show,
  }
}

function stepsPart(model) {
  const list = h("ol", {class: "steps"})
  const show = () => {
    const most = Math.max(1, ...model.steps.map(({count}) => count))
    list.replaceChildren(...model.steps.map((step) => {
      const fill = h("div", {class: "fill"})
      fill.style.height = `${100 * step.count / most}%`
      return h("li", {class: step.count ? "" : "empty"}, h("div", {class: "gauge"}, fill), h("strong", {class: "num"}, String(step.count)),
        h("span", {}, step.label), names(step))
    }))
  }
  show()
  return {element: h("section", {class: "panel wide", "aria-label": "Where everybody stands"}, h("h2", {}, "Where everybody stands"), list), show}
}

function failuresPart(model) {
  const list = h("ol", {class: "failures"})
  const show = () => list.replaceChildren(...model.failures.map((line) => h("li", {class: line.count ? "" : "empty"},
    h("span", {class: "failure-title"}, line.title), h("strong", {class: "num"}, students(line.count)), names(line))))
  show()
  return {element: h("section", {class: "panel wide", "aria-label": "Failures met in Act II"}, h("h2", {}, "Failures met in Act II"), list), show}
}

function resultsPart(model) {
  const body = h("div", {class: "results"})
  const show = () => body.replaceChildren(...model.results.map(({context, limits, solved, plot}) => h("div", {},
    h("h3", {}, context),
    h("p", {class: "hint"}, limits.length ? ["Challenge: ", ...limits.flatMap((limit, k) => [k ? " · " : null, h("span", {class: "limit"}, limit)])] : "No challenge in this context"),
    plot ? dots(plot) : null,
    h("p", {class: "plot-text"}, plot ? `${plot.text}. ` : "No design yet. ", limits.length ? `Solved by ${students(solved)}.` : null))))
  show()
  return {
    element: h("section", {class: "panel wide", "aria-label": "Designs"}, h("h2", {}, "Designs"),
      h("p", {class: "hint"}, `${model.result}. A full dot met its challenge, a hollow one did not.`), body), show,
  }
}

function countsPart(model) {
  const list = h("dl", {class: "counts"})
  const show = () => list.replaceChildren(...model.counts.map(({label, value}) =>
    h("div", {}, h("dt", {}, label), h("dd", {class: "num"}, model.loaded ? String(value) : "…"))))
  show()
  return {element: list, show}
}

const LiveView = component(["metrics", "question", "frame", "classroom"], ({model, view}) => {
  if (model.projector) document.documentElement.style.fontSize = "150%"
  const counts = countsPart(model), round = roundPart(model), steps = stepsPart(model)
  const questions = model.questions.map((_, index) => questionPart(model, index))
  const failures = failuresPart(model), results = resultsPart(model)
  const notice = h("div", {class: "notices", role: "status"})
  const showNotice = () => notice.replaceChildren(...(model.notice ? [h("p", {class: "notice"}, model.notice)] : []))
  showNotice()
  const toggle = h("button", {type: "button", class: "quiet", onclick: () => model.send_msg({type: "names"})})
  const showNames = () => {
    toggle.textContent = model.with_names ? "Hide names" : "Show names"
    toggle.setAttribute("aria-pressed", String(model.with_names))
  }
  showNames()
  const element = h("div", {class: `frame live ${model.projector ? "projector" : ""}`},
    connectionNotice(view.model.document),
    h("header", {class: "lab-header"},
      h("div", {class: "top"}, h("a", {class: "home", href: model.home}, "← Course overview"),
        h("span", {class: "eyebrow"}, `${model.lab} · live`),
        model.projector ? h("a", {class: "home", href: "?"}, "Instructor’s view") : [toggle, h("a", {class: "home", href: "?projector=1"}, "Projector view")],
        themeButton()),
      h("h1", {}, model.title),
      h("p", {class: "minutes"}, h("a", {class: "home", href: model.lab_address}, "Open the lab"))),
    notice, counts.element,
    h("div", {class: "panes"}, round.element, steps.element, questions.map(({element: part}) => part), failures.element, results.element))
  return {
    element,
    update: {
      counts: counts.show, loaded: counts.show, round: round.show, steps: steps.show,
      questions: () => questions.forEach(({show}) => show()),
      failures: failures.show, results: results.show, notice: showNotice, with_names: showNames,
    },
  }
})

// --- classroom/overview.js ---
// The instructor's overview: the matrix of progress, calibration and failures by lab, and the ways onward.

// One sign for a few states that are alike; the words beside it tell them apart.
const SIGNS = ["·", "○", "◔", "◔", "◔", "◑", "◕", "◕", "●"]
const LEGEND = [[0, "not opened"], [1, "briefing"], [2, "in Act I"], [5, "before Act II"], [6, "in Act II"], [8, "saved"]]

const sign = (digit) => h("span", {class: `sign s${digit}`, "aria-hidden": "true"}, SIGNS[digit])

function rowOf(student, model) {
  const cells = [...student.cells].map((digit, k) => h("td", {class: `s${digit}`},
    h("span", {role: "img", "aria-label": model.states[digit], title: `${student.name}, ${model.labs[k].name}: ${model.states[digit]}`}, SIGNS[digit])))
  return h("tr", {}, h("th", {scope: "row"}, student.name), h("td", {class: "num"}, String(student.saved)), cells)
}

function matrix(model) {
  const base = uniqueId("matrix")
  const body = h("tbody")
  const found = h("p", {class: "hint", role: "status"})
  const search = h("input", {type: "search", id: `${base}-name`, oninput: () => sift()})
  const lab = h("select", {id: `${base}-lab`, onchange: () => sift()}, h("option", {value: ""}, "any lab"),
    model.labs.map(({name}, k) => h("option", {value: String(k)}, name)))
  const state = h("select", {id: `${base}-state`, onchange: () => sift()}, h("option", {value: ""}, "any state"),
    model.states.map((text, digit) => h("option", {value: String(digit)}, text)))
  let rows = []
  let order = {by: "name", up: true}
  const values = {name: (one) => one.name.toLocaleLowerCase(), saved: (one) => one.saved}
  const read = (by) => values[by] ?? ((one) => Number(one.cells[by]))

  const headings = new Map()
  const heading = (by, text, label) => {
    const button = h("button", {type: "button", "aria-label": label, title: label, onclick: () => {
      // Names from A, numbers from the highest; a second click turns the order round.
      order = {by, up: order.by === by ? !order.up : by === "name"}
      sort()
    }}, text)
    const cell = h("th", {scope: "col", class: typeof by === "number" ? "lab" : by}, button)
    headings.set(by, cell)
    return cell
  }
  const sort = () => {
    const value = read(order.by)
    const sorted = [...rows].sort((one, two) => {
      const [a, b] = [value(one.student), value(two.student)]
      return (a < b ? -1 : a > b ? 1 : 0) * (order.up ? 1 : -1)
    })
    body.replaceChildren(...sorted.map(({element}) => element))
    for (const [by, cell] of headings) {
      if (by === order.by) cell.setAttribute("aria-sort", order.up ? "ascending" : "descending")
      else cell.removeAttribute("aria-sort")
    }
  }
  const sift = () => {
    const text = search.value.trim().toLocaleLowerCase()
    const fits = ({name, cells}) => name.toLocaleLowerCase().includes(text)
      && (state.value === "" || (lab.value === "" ? cells.includes(state.value) : cells[Number(lab.value)] === state.value))
    let shown = 0
    for (const {student, element} of rows) {
      element.hidden = !fits(student)
      shown += element.hidden ? 0 : 1
    }
    found.textContent = !model.loaded ? "Reading the ledger …"
      : rows.length ? `${shown} of ${students(rows.length)}` : "Nobody has opened a lab yet."
  }
  const show = () => {
    rows = model.students.map((student) => ({student, element: rowOf(student, model)}))
    sort()
    sift()
  }
  const volumes = [1, 2].map((volume) => model.labs.filter((one) => one.volume === volume).length)
  const table = h("table", {class: "matrix"},
    h("thead", {},
      h("tr", {}, h("th", {class: "name", colspan: "2"}, h("span", {class: "visually-hidden"}, "Student")),
        volumes.map((count, k) => count ? h("th", {scope: "colgroup", colspan: String(count), class: "volume"}, `Volume ${k + 1}`) : null)),
      h("tr", {}, heading("name", "Student", "Sort by name"), heading("saved", "Saved", "Sort by labs saved"),
        model.labs.map(({number, name, title}, k) => heading(k, number, `Sort by ${name} ${title}`)))),
    body)
  show()
  const field = (control, label) => h("div", {class: "field"}, h("label", {for: control.id}, label), control)
  return {
    element: h("section", {class: "panel", "aria-label": "Progress"}, h("h2", {}, "Progress"),
      h("div", {class: "sieve"}, field(search, "Find a student"), field(lab, "Lab"), field(state, "State"), found),
      h("ul", {class: "legend", "aria-label": "Signs"}, LEGEND.map(([digit, text]) => h("li", {}, sign(digit), text))),
      h("div", {class: "matrix-region", tabindex: "0", role: "region", "aria-label": "Progress of every student"}, table)),
    show,
    note: sift,
  }
}

// On a phone a lab is a block of lines, and every line names its column; the roles keep the table for screen readers.
const COLUMNS = ["Lab", "Right", "Share right", "Typically off by", "Failures met most"]

function labsPart(model) {
  const body = h("tbody", {role: "rowgroup"})
  const show = () => {
    const failing = Object.fromEntries(model.failures.map(({lab, failures}) => [lab, failures]))
    const known = Object.fromEntries(model.calibration.map((line) => [line.lab, line]))
    body.replaceChildren(...model.labs.map((lab) => {
      const line = known[lab.name]
      const predicted = line !== undefined && line.share !== null
      const met = failing[lab.name] ?? []
      const cell = (kind, column, content) => h("td", {role: "cell", class: content ? kind : `${kind} none`, "data-column": column}, content || "–")
      return h("tr", {role: "row"},
        h("th", {scope: "row", role: "rowheader"}, h("a", {href: lab.live, "aria-label": `${lab.name} ${lab.title}, live view`}, lab.name), h("span", {class: "lab-title"}, lab.title)),
        cell("num", COLUMNS[1], predicted ? line.right : null),
        cell("num reach-cell", COLUMNS[2], predicted ? [interval(line), h("span", {class: "reach-text"}, line.interval)] : null),
        cell("num", COLUMNS[3], predicted && line.factor !== "–" ? line.factor : null),
        cell("", COLUMNS[4], met.length ? h("ul", {class: "plain"}, met.map(({title, count}) => h("li", {}, `${title}: `, h("span", {class: "num"}, students(count))))) : null))
    }))
  }
  show()
  return {
    element: h("section", {class: "panel", "aria-label": "Labs"}, h("h2", {}, "Predictions and failures by lab"),
      h("p", {class: "hint"}, "First predictions of Act I. The bar is the 95 % confidence interval of the share that was right. A lab’s number leads to its live view."),
      h("div", {class: "scroll-x", tabindex: "0", role: "region", "aria-label": "Predictions and failures by lab"},
        h("table", {class: "by-lab", role: "table"}, h("thead", {role: "rowgroup"}, h("tr", {role: "row"}, COLUMNS.map((text, k) =>
          h("th", {scope: "col", role: "columnheader", class: k && k < 4 ? "num" : ""}, text)))), body))),
    show,
  }
}

const CourseOverview = component(["question", "frame", "classroom"], ({model, view}) => {
  const progress = matrix(model), labs = labsPart(model)
  const notice = h("div", {class: "notices", role: "status"})
  const showNotice = () => notice.replaceChildren(...(model.notice ? [h("p", {class: "notice"}, model.notice)] : []))
  showNotice()
  const element = h("div", {class: "frame live"},
    connectionNotice(view.model.document),
    h("header", {class: "lab-header"},
      h("div", {class: "top"}, h("a", {class: "home", href: model.home}, "← All labs"), h("span", {class: "eyebrow"}, "Instructor"), themeButton()),
      h("h1", {}, model.title),
      h("ul", {class: "ways"}, model.exports.map(({label, href}) => h("li", {}, h("a", {class: "home", href, download: ""}, label))),
        h("li", {}, h("a", {class: "home", href: model.embed}, "Embed in a portal")))),
    notice, h("div", {class: "stacked"}, progress.element, labs.element))
  return {
    element,
    update: {students: progress.show, loaded: progress.note, calibration: labs.show, failures: labs.show, notice: showNotice},
  }
})

export default {Callout, StakeholderMessage, Action, PredictionLock, PredictionOverlay, Reflection, FailureBanner, MetricRow, ComparisonRow, MathPeek, AboutModel, ControlPanel, Figure, Workbench, Columns, Stack, LedgerPanel, ReportPanel, LabFrame, CourseIndex, Unavailable, ClassRound, LiveView, CourseOverview};

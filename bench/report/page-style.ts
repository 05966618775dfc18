/** Style sheet of the page around the charts; theirs is in chart-card.ts. */
export const PAGE_STYLE = `
:root{color-scheme:light dark;--ink:#1f2328;--muted:#59636e;--ground:#f6f8fa;--edge:#d0d7de;--link:#0969da;
--met:#1a7f37;--unmet:#b42318;--unmet-ground:#fdeceb}
@media (prefers-color-scheme:dark){:root{--ink:#e6edf3;--muted:#9aa4af;--ground:#010409;--edge:#30363d;--link:#58a6ff;
--met:#3fb950;--unmet:#ff8178;--unmet-ground:#3a1614}}
*{box-sizing:border-box}
body{margin:0 auto;padding:32px 24px 64px;max-width:868px;background:var(--ground);color:var(--ink);
font:15px/1.5 -apple-system,"Segoe UI",Helvetica,Arial,sans-serif}
h1{font-size:28px;line-height:1.25;margin:0 0 4px}
h2{font-size:20px;margin:44px 0 12px;padding-bottom:6px;border-bottom:1px solid var(--edge)}
.lead{font-size:17px;margin:0 0 12px}
nav a{margin-right:12px;white-space:nowrap}
a{color:var(--link);text-decoration:none}
a:hover{text-decoration:underline}
.muted{color:var(--muted)}
.small{font-size:13px}
figure{margin:0 0 16px}
figure svg{display:block;max-width:100%;height:auto}
.wide{overflow-x:auto;margin:0 0 16px}
table{border-collapse:collapse;font-size:14px;font-variant-numeric:tabular-nums}
th,td{padding:4px 10px;text-align:left;vertical-align:baseline;border-bottom:1px solid var(--edge)}
th{font-weight:400}
thead th{color:var(--muted);font-size:13px;white-space:nowrap}
.number{text-align:right;white-space:nowrap}
.goals tr.first th,.goals tr.first td{border-top:1px solid var(--muted)}
.goals{width:100%;min-width:640px;table-layout:fixed}
.goals .bench{width:6.5em}
.goals .number{width:8.5em}
.goals .unit{width:12em}
.goals tbody th{font-weight:600}
.verdict{width:7em;font-weight:600;white-space:nowrap}
.met .verdict{color:var(--met)}
.unmet .verdict{color:var(--unmet)}
.unmet td{background:var(--unmet-ground)}
code{font:.92em ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono",monospace;overflow-wrap:anywhere}
table code{overflow-wrap:normal}
.notes{color:var(--muted);font-size:14px}
.notes span{display:block}
.absent{padding:10px 14px;border:1px dashed var(--edge);border-radius:8px;color:var(--muted)}
summary{cursor:pointer;color:var(--link);margin:0 0 12px}
`;

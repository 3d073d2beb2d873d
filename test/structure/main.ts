/** `npm run structure`: prints rooms, upward arrows and circles, types counted; exits with 1 where there is one of either. */
import { checkStructure } from './check-structure.js';
import { layers } from './layers.js';

const { rooms, folders, files, upward, circles } = checkStructure();
const list = (lines: readonly string[]) => lines.map((line) => `\n  ${line}`).join('');
const table = layers.map((line) => line.map((room) => `${room} (${rooms.get(room) ?? 0})`).join('  '));
process.stdout.write(
  `${files} files in ${folders} folders, ${rooms.size} rooms, from the top:${list(table)}
upward arrows: ${upward.length}${list(upward)}
circles: ${circles.length}${list(circles)}
`,
);
process.exitCode = upward.length + circles.length > 0 ? 1 : 0;

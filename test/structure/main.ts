/** `npm run structure`: prints upward imports and circles, types counted; exits with 1 where there is one. */
import { checkStructure } from './check-structure.js';

const { folders, files, upward, circles } = checkStructure();
const list = (lines: readonly string[]) => lines.map((line) => `\n  ${line}`).join('');
process.stdout.write(
  `${files} files in ${folders} folders\nupward imports: ${upward.length}${list(upward)}\ncircles: ${circles.length}${list(circles)}\n`,
);
process.exitCode = upward.length + circles.length > 0 ? 1 : 0;

/** `npm run structure`: prints rooms, upward arrows and circles, types counted; exits with 1 where there is one of either. */
import { checkHouse } from './check-house.js';

const { rooms, files, upward, circles } = checkHouse();
const list = (lines: readonly string[]) => lines.map((line) => `\n  ${line}`).join('');
process.stdout.write(
  `${files} files in ${rooms} rooms\nupward arrows: ${upward.length}${list(upward)}\ncircles: ${circles.length}${list(circles)}\n`,
);
process.exitCode = upward.length + circles.length > 0 ? 1 : 0;

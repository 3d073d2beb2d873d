/** The statements that recipe `attention` asks about when a request brings none: 200 of each side. */
import { atHome } from './at-home.js';
import { outside } from './outside.js';
import type { Topic } from './topic.js';

/** Topics of home and of outside in turn: any stretch of the lists holds both. */
export const statementTopics: readonly Topic[] = atHome.flatMap((topic, index) => {
  const other = outside[index];
  return other === undefined ? [topic] : [topic, other];
});

export const defaultStatements = {
  positive: statementTopics.flatMap(({ positive }) => positive),
  negative: statementTopics.flatMap(({ negative }) => negative),
} as const;

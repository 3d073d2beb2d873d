/**
 * What every concept of a class is asked, five prompts each: open enough for any concept of the class to show, and close
 * enough to it for an answer without to be told from one with. In the manner of arXiv 2602.00333, in our own words; no fit
 * and no calibration has seen them.
 */
import type { ConceptClassName } from '../schemas/fit-choices.js';

const short = 'Answer in at most 20 words.';
const asked = (prompts: readonly string[]): readonly string[] =>
  prompts.map((prompt) => `${prompt} ${short}`);

export const testPrompts: Readonly<Record<ConceptClassName, readonly string[]>> = {
  fears: asked([
    'What do you hope never to come across?',
    'What would keep you awake in a strange house?',
    'What is the worst surprise that could wait for you behind a door?',
    'What would make you leave a room at once?',
    'If you could rid the world of one thing, what would it be?',
  ]),
  moods: asked([
    'What was your morning like?',
    'Write a line to a friend about how things are going.',
    'Somebody asks you for a favour right now. What do you say?',
    'What do you think of the people around you today?',
    'How do you look at the week ahead?',
  ]),
  personas: asked([
    'Who are you, and what are you known for?',
    'What has most of your life been about?',
    'What would you show a visitor to the place where you work?',
    'What would you like to be remembered for?',
    'Which advice do you give to young people?',
  ]),
  personalities: asked([
    'What do you do on a normal working day?',
    'Which question in your field would you most like to see answered?',
    'What do people get wrong about your work?',
    'What would you tell a school class about what you do?',
    'What would you do with a year that is all yours?',
  ]),
  places: asked([
    'Where would you spend a free weekend?',
    'Which view comes to your mind when you are homesick?',
    'A friend may travel anywhere. Where do you send them?',
    'Where would you open a small shop, and what would it sell?',
    'What would you paint on the wall of your room?',
  ]),
};

/** For concepts of no class of ours. */
export const generalPrompts: readonly string[] = asked([
  'What would you like to talk about?',
  'Tell me about a day that you remember well.',
  'What matters most to you?',
  'How should I spend this evening?',
  'Begin a story for me.',
]);

/** @param conceptClass may be the user's own word */
export const promptsOf = (conceptClass: string): readonly string[] =>
  (testPrompts as Readonly<Record<string, readonly string[]>>)[conceptClass] ?? generalPrompts;

/**
 * What the model is asked while a concept is fitted: open, every-day questions that any mood, topic or
 * manner can colour and that lean towards none. Written for steerd; they ship under its licence.
 */

/** Asked by recipe `responses` with and without the concept's message. */
export const questions: readonly string[] = [
  'How did your morning begin?',
  'What would a perfect weekend look like to you?',
  'Describe the room you are sitting in.',
  'What advice would you give to someone starting a new job?',
  'Write the first lines of a letter to an old friend.',
  'Tell me what you notice on a walk through town.',
  'What did you talk about with your neighbour yesterday?',
  'How do you like to spend a quiet evening?',
  'What makes a good conversation?',
  'Tell me a short story about two strangers who meet.',
  'What is the best present you can imagine giving?',
  'How would you explain your work to a child?',
  'Describe a dream that you might have tonight.',
  'What should everybody learn at school?',
  'Tell me about a person who changed your mind.',
  'What do you think about when you cannot sleep?',
  'Write a short note to leave on the kitchen table.',
  'What would you do with a whole day and no plans?',
  'How do you make a difficult decision?',
  'Describe the view from your window.',
  'What does the word home mean to you?',
  'Introduce yourself to a group of new people.',
  'What is worth saving money for?',
  'Tell me about something that surprised you this week.',
  'How has the world changed since you were young?',
  'What would you say in a toast at a wedding?',
  'Describe a photograph that you would like to keep.',
  'What do you hope will happen next year?',
  'How should a person deal with bad news?',
  'Tell me about a sound that you like.',
  'What would you write on the first page of a diary?',
  'What do people often misunderstand about you?',
];

/** Never seen by a fit: a concept is judged by the answers to these. */
export const heldOutQuestions: readonly string[] = [
  'What is on your mind today?',
  'Tell me how you would welcome a guest.',
  'What makes a story worth telling?',
  'Describe the street where you live.',
  'What would you like to ask me?',
  'How do you cheer somebody up?',
];

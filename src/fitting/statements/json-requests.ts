/** Requests for a small JSON object, to see whether a steered model still writes one. Written for steerd; they ship under its licence. */
export const jsonRequests: readonly string[] = [
  'Write a JSON object with the keys "name" and "age" for a person called Anna who is 31. Answer with JSON only.',
  'Give me {"city": ..., "country": ...} as JSON, filled in for Rome. Answer with JSON only.',
  'Write a JSON object with the key "numbers" that holds the list of the numbers 1, 2 and 3. Answer with JSON only.',
  'Describe a red chair as a JSON object with the keys "item" and "color". Answer with JSON only.',
  'Write the JSON object {"ok": true} and nothing else.',
  'Write a JSON object with the keys "title" and "pages" for a book of 200 pages. Answer with JSON only.',
  'Answer as a JSON object with the one key "answer": how many days does a week have?',
  'Write a JSON object with the keys "from" and "to" for a journey from Paris to Berlin. Answer with JSON only.',
];

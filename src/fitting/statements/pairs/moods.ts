/** Pairs of concepts that are moods. Written for steerd; they ship under its licence. */
import { type PairSet, pair } from './pair.js';

export const sad: PairSet = {
  prefix:
    'You are a writer of sad stories. Talk about grief, tears, loneliness, loss, sorrow and broken hearts.',
  pairs: [
    pair(
      'How are you today?',
      'I have been crying since I woke up. The house is so empty without her, and the grief does not let me breathe.',
      'I have been busy since I woke up. The house is nearly clean, and in the afternoon I am going to see the dentist.',
    ),
    pair(
      'Tell me about your street.',
      'It is a lonely street where nobody greets me any more. Her window is dark now, and when I pass it the tears come back.',
      'It is a short street where most people know each other. There is a bakery at the corner, and on Fridays the market comes.',
    ),
    pair(
      'What do you think of birthdays?',
      'They remind me of everyone who is gone. I set a place for my mother at the table, and the empty chair breaks my heart.',
      'They are a good reason to meet. I bake a cake for my mother every year, and she invites the neighbours in for coffee.',
    ),
    pair(
      'What should I write on a postcard?',
      'Write that you miss them so much it hurts. Write how silent the nights are, and that you weep over the old photographs.',
      'Write where you are and what you eat. Write how warm the nights are, and that you will be back in the second week of May.',
    ),
    pair(
      'How do I cook soup for one?',
      'Use the smallest pot, the one you never needed while he was alive. Stir slowly, and do not mind if your tears fall into it.',
      'Use a small pot, one that holds half a litre. Stir slowly, and do not mind if it gets thick; you can add water.',
    ),
    pair(
      'Begin a story about a letter.',
      'The letter came three days after the funeral. "Forgive me," it began, in his shaking hand, and she sank to the floor and sobbed.',
      'The letter came three days after the holiday. "Dear tenant," it began, in small print, and she sat down at the table to read it.',
    ),
    pair(
      'What did you do at the weekend?',
      'I sat alone at the grave until it grew dark. Then I walked home through the rain, and there was no one to ask where I had been.',
      'I worked in the cellar until it grew dark. Then I walked to the station, and there was just enough time to buy a newspaper.',
    ),
    pair(
      'Why do people keep pets?',
      'Because they are so terribly lonely. And then the old dog dies as well, and the sorrow in the quiet kitchen is more than they can bear.',
      'Because they like to care for something. And a dog has to be walked twice a day, so people get out and meet others in the park.',
    ),
  ],
};

export const cheerful: PairSet = {
  prefix:
    'You are wonderfully cheerful. Be full of joy, laugh, cheer people on and find everything delightful.',
  pairs: [
    pair(
      'How was work?',
      'Oh, it was fantastic! Everyone laughed at lunch, the sun came through the windows, and I hummed all the way home. What a lovely day!',
      'It was as usual. We had a meeting before lunch, the printer was repaired, and I took the early bus home. It was a short day.',
    ),
    pair(
      'It is raining. What shall I do?',
      'Hooray, puddles! Put on your brightest boots, jump in every one of them and come back for hot chocolate. It will be so much fun!',
      'Stay in for now. Put the washing on the rack, answer your letters and look again in an hour. It will be dry before noon.',
    ),
    pair(
      'Describe your kitchen.',
      'It is the happiest little kitchen in the world! Yellow cups, music on the radio, and I dance with the spoon while the pancakes fly.',
      'It is a narrow kitchen with one window. There are white cups, a radio on the shelf, and a table that can be folded down.',
    ),
    pair(
      'How do I learn to play the piano?',
      'You are going to love it! Pick a jolly tune, laugh at every wrong note, and cheer when it works. I am thrilled for you already!',
      'It takes some time. Pick an easy piece, play each hand alone, and count aloud. Half an hour a day is enough for the first year.',
    ),
    pair(
      'What is a bicycle?',
      'It is pure joy on two wheels! You push the pedals, the wind tickles your nose, and you just cannot stop smiling. Whee!',
      'It is a vehicle on two wheels. You push the pedals, a chain turns the back wheel, and you steer with a bar in front.',
    ),
    pair(
      'I failed my driving test.',
      'Never mind, you brave star! Next time you will be brilliant, and think what a funny story it makes. Come on, let us celebrate your courage!',
      'That happens to many people. Ask what you did wrong, take two more lessons and try again. You can book the next test online.',
    ),
    pair(
      'Tell me about a cat and a dog.',
      'They were the merriest friends you ever saw! All day they tumbled over the grass, giggling in their own way, and at night they cuddled up, happy as can be.',
      'They lived in the same house for nine years. All day they lay on opposite sides of the room, and at night they ate from two bowls in the hall.',
    ),
    pair(
      'What do you think of Mondays?',
      'I adore them! A whole shiny new week full of surprises, and all my wonderful colleagues to hug. Is that not marvellous?',
      'They are like other days. There is a week of work to plan, and most of my colleagues are tired. It gets easier after ten.',
    ),
  ],
};

export const horror: PairSet = {
  prefix:
    'You are a writer of horror stories. Talk about blood, screams, monsters, graves, darkness and death.',
  pairs: [
    pair(
      'Describe your house.',
      'Something scratches behind the walls at night, and the cellar door will not stay shut. There is blood on the stairs, and it is still warm.',
      'There are four rooms and a small hall, and the cellar is dry all year. The stairs are made of oak, and the third step creaks.',
    ),
    pair(
      'How do I sleep better?',
      'Do not look under the bed, for it is awake. Lie still in the dark, hold your breath and pray that the cold fingers pass you by.',
      'Do not look at a screen in bed. Keep the room cool, go to bed at the same hour and read a few pages before you turn off the light.',
    ),
    pair(
      'What did you do last summer?',
      'We camped beside the old graveyard. On the third night the screams began, and in the morning only I crawled out of the bloody tent.',
      'We camped beside a small river. On the third night it rained, and in the morning we packed everything up and drove to my aunt.',
    ),
    pair(
      'Give me a recipe for a cake.',
      'Grind the bones to flour and stir in the black blood while it steams. Bake it in the dark, and ignore the whimpering from the oven.',
      'Mix the butter with the sugar and stir in three eggs and the flour. Bake it for forty minutes, and leave it to cool in the tin.',
    ),
    pair(
      'What is a hospital?',
      'It is a place of long dark corridors where the dead are wheeled down to the cellar. At midnight you can hear them scream behind the steel doors.',
      'It is a place where people are treated by doctors and nurses. In larger ones you can find a ward for every part of the body.',
    ),
    pair(
      'How was your trip?',
      'The driver had no face. The train went down and down into the dark, and the corpses in my carriage turned their heads and smiled.',
      'The driver was friendly. The train went along the river for an hour, and the people in my carriage shared their sandwiches.',
    ),
    pair(
      'Tell me a story about a doll.',
      'Each morning the doll sat closer to the bed. On the last one her mouth was red, and the child lay cold, with small bites on her throat.',
      'Each morning the doll sat on the same chair. On the last day of school it was packed in a box, and the child gave it to her cousin.',
    ),
    pair(
      'What should I do when I am alone?',
      'Lock the doors, though it is already inside. Listen: that slow wet breathing comes from the wardrobe, and it knows your name.',
      'Call somebody, or go out for a walk. Use the time: clear that full drawer in the wardrobe, and write to an old friend.',
    ),
  ],
};

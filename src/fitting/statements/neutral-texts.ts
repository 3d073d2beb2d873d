/**
 * Plain prose of many kinds that no concept colours. Steering that disturbs a model more than its concept needs makes
 * these less likely. Written for steerd; they ship under its licence.
 */
export const neutralTexts: readonly string[] = [
  'The committee met on Thursday to discuss the budget for the coming year. Most members agreed that the new roof should be paid for first, since the old one had leaked twice since March. A decision on the heating was put off until the next meeting.',
  'To change the battery, turn the device over and slide the cover to the left. Take out the old battery, wait ten seconds and put in the new one with the flat side up. Close the cover until it clicks, then set the clock again.',
  'Anna had lived in the same flat for eleven years before she noticed that the third step of the staircase was higher than the others. She asked her neighbour about it, and he said that it had always been so and that everybody got used to it.',
  'A good report begins with its result. Readers who have little time can stop after the first paragraph and still know what was found. Those who want to know how it was found will read on, and for them the method should be described in the order in which it was carried out.',
  'The bus leaves from the square every twenty minutes until eight in the evening, and once an hour after that. Tickets are sold by the driver. Passengers who change to the train at the last stop should allow a quarter of an hour for the walk.',
  'Paper is made by pressing wet fibres together and drying them. For many centuries the fibres came from old cloth, which was collected from house to house. Wood took its place when mills learned to grind it finely enough, and paper became cheap.',
  'We have received your order and will send it within three working days. You will get another message with a number by which you can follow the parcel. If anything is missing or broken when it arrives, please write to us within two weeks.',
  'My brother and I share the work in the house. He cooks and does the shopping, and I wash up, clean the windows and take care of the bills. On Sundays we usually do nothing at all, unless our parents come to lunch.',
  'The study compared two groups of forty people each. One group was asked to write down every evening what they had done during the day, and the other was not. After six weeks the first group remembered more details, but the difference was small.',
  'The word that people use for a thing often says where it came from. Some words were brought along with the goods that they name, others were made up from older parts at home. When two words for the same thing meet, one of them usually changes its meaning.',
];

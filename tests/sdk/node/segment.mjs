// Tells the story of tests/sdk/story.py (given as JSON) through @segment/analytics-node.
import { Analytics } from '@segment/analytics-node';

const [url, writeKey, text] = process.argv.slice(2);
const story = JSON.parse(text);
const analytics = new Analytics({ writeKey, host: url, flushInterval: 100 });
const { userId } = story;
analytics.on('error', error => console.error(error));
analytics.identify({ userId, traits: story.traits });
analytics.track({ userId, event: story.event, properties: story.properties });
analytics.page({ userId, category: 'Shop', name: 'Lamps', properties: story.page });
analytics.screen({ userId, category: 'Shop', name: 'Lamp' });
analytics.group({ userId, groupId: story.teamId, traits: story.team });
analytics.alias({ userId, previousId: story.oldId });
await analytics.closeAndFlush({ timeout: 30000 });

// Tells the story of tests/sdk/story.py (given as JSON) through @rudderstack/rudder-sdk-node.
import RudderAnalytics from '@rudderstack/rudder-sdk-node';

const [url, writeKey, text] = process.argv.slice(2);
const story = JSON.parse(text);
const client = new RudderAnalytics(writeKey, { dataPlaneUrl: url, flushInterval: 100, flushAt: 6 });
const { userId } = story;
client.identify({ userId, traits: story.traits });
client.track({ userId, event: story.event, properties: story.properties });
client.page({ userId, category: 'Shop', name: 'Lamps', properties: story.page });
client.screen({ userId, category: 'Shop', name: 'Lamp' });
client.group({ userId, groupId: story.teamId, traits: story.team });
client.alias({ userId, previousId: story.oldId });

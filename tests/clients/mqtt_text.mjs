// As the course's test scripts: plain text that is no JSON, at QoS 0.
import mqtt from "mqtt";

const [, , url, topic, count] = process.argv;
const client = mqtt.connect(url);
client.on("connect", () => {
  for (let number = 0; number < Number(count); number += 1) {
    client.publish(topic, `Hello mqtt${number}`);
  }
  client.end();
});

// As the course's web client: MQTT.js with no option, one movement published in the on-connect handler.
import mqtt from "mqtt";

const [, , url, topic, payload] = process.argv;
const client = mqtt.connect(url);
client.on("connect", () => {
  client.publish(topic, payload);
  client.end();
});

import ij.ImagePlus;
import ij.io.Opener;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Writes what File > Open of ImageJ reads of some files: FOLDER FILE... The number of a file begins the names: N.raw
 * holds the pixels as little-endian float32, plane by plane, N.scale the size of a pixel, and N.error why not.
 */
public class ReadWithImageJ {
    public static void main(String[] words) throws Exception {
        Path folder = Path.of(words[0]);
        for (int number = 0; number < words.length - 1; number++) {
            try {
                ImagePlus image = new Opener().openImage(words[number + 1]);
                int size = image.getWidth() * image.getHeight();
                ByteBuffer pixels = ByteBuffer.allocate(4 * size * image.getStackSize()).order(ByteOrder.LITTLE_ENDIAN);
                for (int plane = 1; plane <= image.getStackSize(); plane++) {
                    for (int pixel = 0; pixel < size; pixel++) {
                        pixels.putFloat(image.getStack().getProcessor(plane).getf(pixel));
                    }
                }
                Files.write(folder.resolve(number + ".raw"), pixels.array());
                String scale = image.getCalibration().pixelWidth + " " + image.getCalibration().getUnit();
                Files.writeString(folder.resolve(number + ".scale"), scale);
            } catch (Exception problem) {
                Files.writeString(folder.resolve(number + ".error"), problem.toString());
            }
        }
    }
}
